"""The states of a frozen encoder where the heads of a task read them, at every level, computed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from layerlab.errors import LabelError
from layerlab.finetuning.evaluation import EVALUATION_PIECES, to_device
from layerlab.finetuning.model import encoder_inputs
from layerlab.models.forward import ENCODER_INPUTS, ResumableForward
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import IGNORED, Batch, EncoderInput, Task, head_input
from layerlab.training.batching import length_batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BYTES = 4  # of a float32


class FrozenStates:
    """The states that the heads of a task read in a corpus, at several levels of an encoder.

    Which these are, the task says by its ``head_input``. As the encoder neither learns nor drops anything
    out, states that are kept are those that it would compute again.

    Attributes:
        corpus: The corpus.
        levels: 0 for the output of the embeddings, ``i + 1`` for that of layer ``i``.
        kept: Whether each state is computed only once.
        width: Of the states.
        device: Where they are.
    """

    def __init__(
        self,
        base: PreTrainedModel,
        task: Task,
        corpus: EncodedCorpus,
        levels: Sequence[int],
        *,
        keep_bytes: float = 0.0,
    ) -> None:
        """Take an encoder in evaluation mode; nothing is computed yet.

        States are kept if they take no more than ``keep_bytes``.

        Raises:
            LabelError: The task's labels are not as its ``head_input`` says.
        """
        self.corpus = corpus
        self.levels = tuple(levels)
        self._base = base
        self._forward = ResumableForward(base)
        self._task = task
        self._reads = head_input(task)
        self._places = [self._find_places(example) for example in corpus.encoded.examples]
        self.width = int(base.config.hidden_size)
        self.device = base.device
        n_states = len(self.levels) * sum(map(len, self._places))
        self.kept = _BYTES * self.width * n_states <= keep_bytes
        self._cache: dict[int, Tensor] = {}

    def batches(self) -> Iterator[tuple[int, ...]]:
        """Yield the examples in batches of similar length, each once."""
        lengths = [len(example.input_ids) for example in self.corpus.encoded.examples]
        yield from length_batches(lengths, EVALUATION_PIECES)

    def read(self, examples: Sequence[int]) -> tuple[Tensor, Batch]:
        """Return the states of some examples, and the batch that the task's loss and decoding go with.

        Returns:
            States of shape ``(levels, batch, positions, hidden)`` as heads take them, level by level;
            labelled ones are one row of all their examples. The batch lacks what only the encoder reads.
        """
        batch = self._collate(examples)
        states = self.states(examples, batch)
        rest = {name: tensor for name, tensor in batch.items() if name not in ENCODER_INPUTS}
        if self._reads == "labelled":
            labels = rest["labels"]
            rest["labels"] = labels[labels != IGNORED][None]
            return torch.cat(states, dim=1)[:, None], rest
        longest = max(state.shape[1] for state in states)
        padded = [torch.nn.functional.pad(state, (0, 0, 0, longest - state.shape[1])) for state in states]
        return torch.stack(padded, dim=1), rest

    def states(self, examples: Sequence[int], batch: Batch | None = None) -> list[Tensor]:
        """Return the states of each of some examples, ``(levels, positions, hidden)`` in float32.

        Their batch is made unless it is given.
        """
        if all(index in self._cache for index in examples):
            return [self._cache[index] for index in examples]
        batch = self._collate(examples) if batch is None else batch
        with torch.no_grad():  # not inference mode: what a module caches must stay usable in training
            hidden = self._forward.levels(encoder_inputs(self._base, batch), stop=max(self.levels))
        states = []
        for row, index in enumerate(examples):
            places = self._places[index]
            states.append(torch.stack([hidden[level][row, places].float() for level in self.levels]))
        if self.kept:
            self._cache.update(zip(examples, states, strict=True))
        return states

    def _collate(self, examples: Sequence[int]) -> Batch:
        chosen = [self.corpus.encoded.examples[index] for index in examples]
        return to_device(self._task.collate(chosen, self.corpus.pad_id), self.device)

    def _find_places(self, example: EncoderInput) -> list[int]:
        """Return the positions of an example that the task's head reads."""
        if self._reads == "first":
            return [0]
        if self._reads == "all":
            return list(range(len(example.input_ids)))
        labels = self._task.collate([example], self.corpus.pad_id)["labels"]
        if labels.shape != (1, len(example.input_ids)):
            raise LabelError(
                f"task {self._task.name!r} says that its head reads labelled states, but the labels of an "
                f"example of {len(example.input_ids)} word-pieces have the shape {tuple(labels.shape)}; "
                "expected one a word-piece"
            )
        places: list[int] = (labels[0] != IGNORED).nonzero().flatten().tolist()
        return places
