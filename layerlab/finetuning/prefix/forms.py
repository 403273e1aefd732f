"""Several forms of a fine-tuned model, each with interventions of its own, computed beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from torch import Tensor

from layerlab.ablation.prepared import Prepared
from layerlab.finetuning.model import Batch, TaskModel, encoder_inputs, head_inputs
from layerlab.finetuning.prefix.frozen_prefix import FrozenPrefix
from layerlab.models.forward import ResumableForward
from layerlab.tasks.corpora import EncodedCorpus

#: Names the model without any form's interventions.
OWN: Final = ""


class Forms:
    """Forms of a model that share the layers below the first one that each changes.

    Args:
        model: Encoder and head, in evaluation mode while forms are computed.
        forms: Interventions of each form by its name.
        prefix: Gives the states of a corpus at a level below which no form changes anything, if they are
            kept.
    """

    def __init__(
        self, model: TaskModel, forms: Mapping[str, Prepared], prefix: FrozenPrefix | None = None
    ) -> None:
        self._model = model
        self._prefix = prefix
        self._forward = ResumableForward(model.encoder)
        # Those without a level come first, before the model's own states are there.
        unlike = [(name, form) for name, form in forms.items() if form.start is None]
        alike = [(form.start, name, form) for name, form in forms.items() if form.start is not None]
        self._from_input = unlike
        self._from_level = sorted(alike, key=lambda one: one[0])

    def outputs(
        self, corpus: EncodedCorpus, batch: Batch, examples: Sequence[int]
    ) -> Iterator[tuple[str, Any]]:
        """Yield the name of each form and what its head gives for a batch of examples of a corpus.

        The model's own states are computed once, from one level to the next that some form goes on from; only
        those of one level are held.
        """
        inputs = encoder_inputs(self._model.encoder, batch)
        for name, states in self._last_states(inputs, corpus, examples):
            yield name, self._model.head(states, **head_inputs(batch))

    def levels(self, inputs: Batch) -> Iterator[tuple[str, int, Sequence[Tensor]]]:
        """Yield the states of the model as it is, named ``OWN``, then those in which each form may differ.

        Yields:
            A name, a level, and the states of that level and those above, each ``(batch, tokens, hidden)``.
        """
        own = self._forward.levels(inputs)
        yield OWN, 0, own
        for start, name, form in self._from_level:
            with form.in_place():
                changed = self._forward.levels(inputs, own[start], start=start)
            yield name, start + 1, changed[1:]
        for name, form in self._from_input:
            with form.in_place():
                changed = self._forward.levels(inputs)
            yield name, 0, changed

    def _last_states(
        self, inputs: Batch, corpus: EncodedCorpus, examples: Sequence[int]
    ) -> Iterator[tuple[str, Tensor]]:
        for name, form in self._from_input:
            with form.in_place():  # the head may have changed with the encoder
                yield name, self._forward.run(inputs)
        own: Tensor | None = None
        level = 0
        if self._prefix is not None and self._from_level and self._from_level[0][0] >= self._prefix.level:
            own, level = self._prefix.states(corpus, examples), self._prefix.level
        for start, name, form in self._from_level:
            if own is None or start > level:
                own, level = self._forward.run(inputs, own, start=level, stop=start), start
            with form.in_place():
                yield name, self._forward.run(inputs, own, start=level)
