"""Fits whose lower layers are frozen without dropout go on from states that are computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from torch import nn

from layerlab.ablation.ablation import Timed
from layerlab.ablation.interventions import (
    Freeze,
    Intervention,
    Permute,
    Rate,
    Reset,
    Scale,
    Skip,
    Swap,
    Unfreeze,
    is_standing,
)
from layerlab.finetuning.model import Batch, TaskModel, encoder_inputs, head_inputs
from layerlab.finetuning.prefix.kept_states import (
    CorpusStates,
    StateFiles,
    bytes_of,
    corpus_states,
    gives_states,
    prefix_parts,
)
from layerlab.models.draws import Draws
from layerlab.models.encoder import Encoder
from layerlab.models.forward import ResumableForward
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task, head_input

#: Kinds whose layers say all that they act on.
_KNOWN: Final = (Freeze, Permute, Rate, Reset, Scale, Skip, Swap, Unfreeze)
#: Kinds of them that leave frozen layers what they are.
_HARMLESS: Final = (Freeze, Rate)


@dataclass(frozen=True)
class FrozenCase:
    """A fit that may have a frozen prefix.

    Attributes:
        before: Interventions before fine-tuning, which were made.
        during: Those on the clock.
        encoder: The encoder.
        task: The task.
        n_processes: Processes that share the fit.
    """

    before: Sequence[Intervention]
    during: Sequence[Timed]
    encoder: Encoder
    task: Task
    n_processes: int = 1

    @property
    def level(self) -> int:
        """The level above the frozen prefix: 0 if only the embeddings are frozen; -1 if there is none.

        Below a norm on top that learns, the last layer is computed.
        """
        silent, n_layers = self._frozen(silent=True), self.encoder.n_layers
        if -1 not in silent:
            return -1
        level = next((layer for layer in range(n_layers) if layer not in silent), n_layers)
        learning = any(
            parameter.requires_grad
            for name, parameter in self.encoder.base.named_parameters()
            if self.encoder.part_of[name] == "top" and gives_states(name)
        )
        return min(level, n_layers - 1) if learning else level

    def _frozen(self, *, silent: bool) -> set[int]:
        """Return the layers, -1 for the embeddings, that are frozen whole, with dropout off if ``silent``."""
        found: set[int] = set()
        for item in self.before:
            if type(item) is Freeze and not item.components and not (silent and item.dropout):
                found.update(item.layers.indices(self.encoder.n_layers))
                found.update({-1} if item.layers.embeddings else ())
        return found


@dataclass(frozen=True)
class FrozenStates:
    """The shortcut of training on states that are computed once."""

    name: str = "frozen-states"

    def refuses(self, case: FrozenCase) -> str:
        """Return why a fit does not train on kept states; empty if it does."""
        if case.encoder.languages:
            return "languages have parts of their own, so that each has states of its own"
        if case.level < 0:
            if -1 in case._frozen(silent=False):
                return "frozen layers keep their dropout; freeze with dropout: false"
            return "the embeddings are not frozen"
        if "shared" in case.encoder.part_of.values():
            return f"layers share weights ({', '.join(case.encoder.anatomy.shared)})"
        if case.n_processes > 1:
            return "several processes share the fit"
        if head_input(case.task) == "all" and not type(case.task).__module__.startswith("layerlab."):
            return f"the head of task {case.task.name} may read the states of padding"
        for item in (*case.before, *(timed.intervention for timed in case.during)):
            if type(item) not in _KNOWN:
                return f"{type(item).__name__} may change what is frozen"
        for timed in case.during:
            item = timed.intervention
            n_layers = case.encoder.n_layers
            below = item.layers.embeddings or (item.layers.top and case.level == n_layers)
            below |= any(layer < case.level for layer in item.layers.indices(n_layers))
            if below and type(item) not in _HARMLESS:
                return (
                    f"{type(item).__name__.lower()} {item.layers} changes the frozen layers at {timed.at:g}"
                )
        return ""


@dataclass
class FrozenPrefix:
    """Computes the output of a task model's head from kept states.

    Attributes:
        model: Encoder and head.
        task: Collates examples.
        level: The states' level.
        parts: Digests of the parts below.
        kept: Where states are kept.
    """

    model: TaskModel
    task: Task
    level: int
    parts: tuple[str, ...]
    kept: StateFiles
    _forward: ResumableForward = field(init=False, repr=False)
    _draws: Draws = field(init=False, repr=False)
    _states: dict[int, tuple[EncodedCorpus, CorpusStates]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._forward = ResumableForward(self.model.encoder)
        self._draws = Draws(partial(self._forward.run, stop=self.level))

    @classmethod
    def of(cls, model: TaskModel, case: FrozenCase, kept: StateFiles) -> FrozenPrefix:
        """Return the prefix of a fit that the shortcut does not refuse."""
        standing = [item for item in case.before if is_standing(item) and type(item) is Skip]
        parts = prefix_parts(case.encoder, case.level, standing)
        return cls(model, case.task, case.level, parts, kept)

    def hold(self, corpus: EncodedCorpus, precision: str = "fp32") -> bool:
        """Compute the states of a corpus, or find them; return whether there is room for them."""
        if not self.kept.has_room(bytes_of(corpus, self._forward.encoder)):
            return False
        if id(corpus) not in self._states:
            self.model.eval()
            found = corpus_states(self._forward, self.task, corpus, self.parts, self.kept, precision)
            self._states[id(corpus)] = corpus, found
        return True

    def states(self, corpus: EncodedCorpus, examples: Sequence[int]) -> Any:
        """Return the kept states of some examples on the model's device, ``(batch, tokens, hidden)``."""
        device = next(self.model.parameters()).device
        return self._states[id(corpus)][1].padded(examples).to(device)

    def __call__(self, model: nn.Module, batch: Batch, corpus: EncodedCorpus, examples: Sequence[int]) -> Any:
        """Return the head's output for a batch of examples of a corpus."""
        inputs = encoder_inputs(self.model.encoder, batch)
        if model.training:
            self._draws.take(inputs)  # the dropout above is then that of the plain way
        last = self._forward.run(inputs, self.states(corpus, examples), start=self.level)
        return self.model.head(last, **head_inputs(batch))
