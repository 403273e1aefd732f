"""Scores of the layers of a run's encoder, level by level; every text is encoded once, for all measures."""

from __future__ import annotations

import functools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from layerlab.analysis.stored import ScoreRow
from layerlab.data.bitext import Bitext, Texts
from layerlab.data.spec import Controlled
from layerlab.measures.bitext_alignment import MEASURES
from layerlab.measures.cka import cka
from layerlab.measures.drift import weight_drift
from layerlab.measures.options import CHANGES, WEIGHT_MEASURES, Pooling
from layerlab.measures.states import States, sentence_states
from layerlab.models.encoder import Encoder
from layerlab.names import PRETRAINED
from layerlab.nodes.kinds.fitted import Fitted
from layerlab.nodes.kinds.measurement import Measurement, read_measured
from layerlab.nodes.kinds.origin import Origin, load_encoder
from layerlab.nodes.store.store import Store
from layerlab.training.events import Report

#: Gives the states of a text, which has a digest.
StatesOf = Callable[[Texts, str], States]

#: States of the pretrained encoder that are kept between the runs of a process, in bytes.
KEPT_BYTES = 1 << 30


@dataclass
class Reference:
    """The pretrained encoder of a process's runs, with what was computed of it.

    Attributes:
        encoder: On the CPU between its uses, so that it takes no room from a fit.
        states: By digest of the text and pooling; the longest unused go first.
        rows: The pretrained encoder's own measures.
    """

    encoder: Encoder
    states: OrderedDict[tuple[str, str], States] = field(default_factory=OrderedDict)
    rows: dict[Measurement, tuple[ScoreRow, ...]] = field(default_factory=dict)

    def states_of(
        self, texts: Texts, digest: str, pooling: Pooling, tokenizer: Any, device: torch.device
    ) -> States:
        """Return the states of a text, from memory if they are still there."""
        key = (digest, pooling)
        if key not in self.states:
            self.encoder.base.to(device)  # type: ignore[arg-type]
            try:
                self.states[key] = sentence_states(self.encoder, texts, tokenizer, pooling=pooling)
            finally:
                self.encoder.base.to("cpu")  # type: ignore[arg-type]
        self.states.move_to_end(key)
        while len(self.states) > 1 and sum(kept.nbytes for kept in self.states.values()) > KEPT_BYTES:
            self.states.popitem(last=False)
        return self.states[key]


def measure_run(
    store: Store,
    fitted: Fitted,
    wanted: Measurement,
    controlled: Controlled | None,
    *,
    source: str,
    changed: bool,
    report: Report,
) -> list[ScoreRow]:
    """Return what a run measures of its encoder, as scores of its record.

    States of the encoder, which has the run's interventions in place, are extracted once a text and kept as
    long as a pair of languages needs them; those of the pretrained encoder are kept for the next runs. A
    value that does not exist, such as the CKA of states that are all the same, has no row.

    Args:
        store: Holds the pretrained encoder, if it was pretrained there.
        fitted: The fit that is evaluated.
        wanted: What is measured.
        controlled: The study's controlled languages, if it has any.
        source: The run's source language, which measures of weights are recorded under.
        changed: Whether the run intervenes after fine-tuning.
        report: Receives progress events.

    Raises:
        DataError: The parallel sentences are not what they were when the plan was made.
        CheckpointError: The pretrained checkpoint is not.
    """
    bitexts = read_measured(wanted, controlled)
    encoder, tokenizer, fit = fitted.encoder, fitted.tokenizer, fitted.fit

    def own(texts: Texts, _: str) -> States:
        return sentence_states(encoder, texts, tokenizer, pooling=wanted.pooling)

    def before(texts: Texts, digest: str) -> States:
        reference, device = _reference(store, fit.origin), encoder.base.device
        return reference.states_of(texts, digest, wanted.pooling, tokenizer, device)

    rows: list[ScoreRow] = []
    seen: set[str] = set()
    changes = [name for name in wanted.names if name in CHANGES]
    for pair in _pairs(wanted, bitexts, own):
        rows += _alignment_rows(pair, wanted)
        for language, texts, digest, states in pair.sides():
            if changes and language not in seen:
                seen.add(language)
                rows += _change_rows(language, before(texts, digest), states, changes)
        report({"event": "measured", "target": pair.bitext.target})
    if set(MEASURES) & set(wanted.names) and not (fit.before or fit.during or changed):
        kept = _reference(store, fit.origin).rows
        if wanted not in kept:
            pairs = _pairs(wanted, bitexts, before)
            kept[wanted] = tuple(row for pair in pairs for row in _alignment_rows(pair, wanted, PRETRAINED))
        rows += kept[wanted]
    if set(WEIGHT_MEASURES) & set(wanted.names):
        rows += _drift_rows(_reference(store, fit.origin).encoder, encoder, source)
    return [row for row in rows if row.value is not None and not math.isnan(row.value)]


def _reference(store: Store, origin: Origin) -> Reference:
    return _load_reference(origin.digest, origin.check(store), origin.revision)


@functools.lru_cache(maxsize=1)
def _load_reference(digest: str, location: str, revision: str | None) -> Reference:
    """Load a pretrained encoder, unless it is the last one loaded; the digest tells changed folders apart."""
    with torch.random.fork_rng(devices=[]):  # a missing pooler is drawn
        return Reference(load_encoder(location, revision, 0))


@dataclass(frozen=True)
class _Pair:
    """A bitext with the states of both sides, each of shape ``(levels, sentences, hidden)``."""

    bitext: Bitext
    digests: tuple[str, str]
    source: States
    target: States

    def sides(self) -> Iterator[tuple[str, Texts, str, States]]:
        """Yield language, text, digest and states of both sides."""
        yield self.bitext.source, self.bitext.sources, self.digests[0], self.source
        yield self.bitext.target, self.bitext.targets, self.digests[1], self.target


def _pairs(wanted: Measurement, bitexts: Sequence[Bitext], states_of: StatesOf) -> Iterator[_Pair]:
    """Yield bitexts with their states; those of the source are kept while bitexts share its sentences."""
    shared: tuple[Texts, States] | None = None
    for one, (_, source, target) in zip(bitexts, wanted.texts, strict=True):
        if shared is None or shared[0] is not one.sources:
            shared = one.sources, states_of(one.sources, source)
        yield _Pair(one, (source, target), shared[1], states_of(one.targets, target))


def _alignment_rows(pair: _Pair, wanted: Measurement, ending: str = "") -> Iterator[ScoreRow]:
    names = [name for name in wanted.names if name in MEASURES]
    for level, (x, y) in enumerate(zip(pair.source, pair.target, strict=True)):
        for name in names:
            for metric, value in MEASURES[name](x, y, name).items():
                yield _row(pair.bitext.target, f"{metric}{ending}", level, value, len(pair.bitext))


def _change_rows(language: str, before: States, after: States, names: Sequence[str]) -> Iterator[ScoreRow]:
    for level, (x, y) in enumerate(zip(before, after, strict=True)):
        for name in names:
            estimator, kernel = CHANGES[name]
            yield _row(language, name, level, cka(x, y, estimator, kernel=kernel), len(x))


def _drift_rows(before: Encoder, after: Encoder, source: str) -> Iterator[ScoreRow]:
    for drift in weight_drift(before, after):
        for metric, value in drift.metrics().items():
            yield _row(source, metric, drift.layer, value, drift.n, split="weights")


def _row(target: str, metric: str, level: int, value: float, n: int, split: str = "parallel") -> ScoreRow:
    return ScoreRow(target=target, split=split, metric=metric, layer=level, value=value, n=n)
