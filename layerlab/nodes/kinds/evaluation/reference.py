"""The pretrained encoder that measures compare a fit's encoder with, and what was computed of it."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from layerlab.analysis.stored.record import ScoreRow
from layerlab.data.bitext import Texts
from layerlab.measures.options import Pooling
from layerlab.measures.states import States, sentence_states
from layerlab.models.encoder import Encoder
from layerlab.nodes.kinds.evaluation.measurement import Measurement
from layerlab.nodes.kinds.training.origin import Origin, load_encoder
from layerlab.nodes.store.store import Store

#: States level by level, each ``(sentences, hidden)``.
Levels = Sequence[States]

#: States of the pretrained encoder that are kept between the runs of a process, in bytes.
KEPT_BYTES = 1 << 30


@dataclass
class Reference:
    """The pretrained encoder of a process's runs, with what was computed of it.

    Attributes:
        encoder: On the CPU between its uses, so that it takes no room from a fit.
        states: By digest of the text, language and pooling; the longest unused go first.
        rows: The pretrained encoder's own measures.
    """

    encoder: Encoder
    states: OrderedDict[tuple[str, str, str], States] = field(default_factory=OrderedDict)
    rows: dict[Measurement, tuple[ScoreRow, ...]] = field(default_factory=dict)

    def states_of(
        self, texts: Texts, language: str, digest: str, pooling: Pooling, tokenizer: Any, device: torch.device
    ) -> States:
        """Return the states of a text in a language, from memory if they are still there."""
        key = (digest, language, pooling)
        if key not in self.states:
            encoder = self.encoder.speaking(language)
            encoder.base.to(device)  # type: ignore[arg-type]
            try:
                self.states[key] = sentence_states(encoder, texts, tokenizer, pooling=pooling)
            finally:
                encoder.base.to("cpu")  # type: ignore[arg-type]
        self.states.move_to_end(key)
        while len(self.states) > 1 and sum(kept.nbytes for kept in self.states.values()) > KEPT_BYTES:
            self.states.popitem(last=False)
        return self.states[key]


def find_reference(store: Store, origin: Origin) -> Reference:
    """Return the pretrained encoder of a fit, the one in memory if it is the same.

    Raises:
        CheckpointError: It is not what it was when the plan was made.
    """
    return _load_reference(origin.digest, origin.check(store), origin.revision)


@functools.lru_cache(maxsize=1)
def _load_reference(digest: str, location: str, revision: str | None) -> Reference:
    """Load a pretrained encoder, unless it is the last one loaded; the digest tells changed folders apart."""
    with torch.random.fork_rng(devices=[]):  # a missing pooler is drawn
        return Reference(load_encoder(location, revision, 0))
