"""Scores of the layers of a run's encoder, level by level; every text is encoded once, for all measures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Protocol

from layerlab.analysis.stored.record import ScoreRow
from layerlab.data.bitext import Bitext, Texts
from layerlab.data.spec import Controlled
from layerlab.measures.bitext_alignment import MEASURES, step_cka
from layerlab.measures.cka import cka
from layerlab.measures.drift import weight_drift
from layerlab.measures.options import CHANGES, STEPS, WEIGHT_MEASURES, Pooling
from layerlab.measures.states import States, sentence_states
from layerlab.models.encoder import Encoder
from layerlab.names import PRETRAINED
from layerlab.nodes.kinds.evaluation.fitted import Fitted
from layerlab.nodes.kinds.evaluation.measurement import Measurement, read_measured
from layerlab.nodes.kinds.evaluation.reference import Levels, Reference, find_reference
from layerlab.nodes.store.store import Store
from layerlab.training.events import Report


class StatesOf(Protocol):
    """Gives, from a text, its language and a pooling, the states of each run's encoder."""

    def __call__(self, texts: Texts, language: str, pooling: Pooling) -> Mapping[str, Levels]:
        """Return them level by level; levels that runs have in common are the same arrays."""


@dataclass(frozen=True)
class Measured:
    """Runs of one fit that are measured beside each other.

    Attributes:
        changed: Name to whether the run intervenes after fine-tuning.
        states_of: Gives the states of each run's encoder.
        in_place: Puts a run's interventions in place for the length of a ``with`` block.
    """

    changed: Mapping[str, bool]
    states_of: StatesOf
    in_place: Callable[[str], AbstractContextManager[None]]


def measured_alone(fitted: Fitted, *, changed: bool) -> Measured:
    """Return one run, which has no name, and whose interventions are in place."""

    def states_of(texts: Texts, language: str, pooling: Pooling) -> Mapping[str, Levels]:
        tokenizer = fitted.tokenizer_of(language)
        encoder = fitted.encoder.speaking(language)
        return {"": tuple(sentence_states(encoder, texts, tokenizer, pooling=pooling))}

    return Measured({"": changed}, states_of, lambda _: nullcontext())


def measure_runs(
    store: Store,
    fitted: Fitted,
    wanted: Measurement,
    controlled: Controlled | None,
    runs: Measured,
    *,
    source: str,
    report: Report,
) -> dict[str, list[ScoreRow]]:
    """Return what runs measure of their encoders, as scores of their records.

    States are extracted once a text and kept as long as a pair of languages needs them; those of the
    pretrained encoder are kept for the next runs. Where the source is several languages, the similarity of a
    target is the mean over them. A value that does not exist, such as the CKA of states
    that are all the same, has no row.

    Args:
        store: Holds the pretrained encoder, if it was pretrained there.
        fitted: The fit that is evaluated.
        wanted: What is measured.
        controlled: The study's controlled languages, if it has any.
        runs: The runs.
        source: Their source language, which measures of weights are recorded under.
        report: Receives progress events.

    Raises:
        DataError: The parallel sentences are not what they were when the plan was made.
        CheckpointError: The pretrained checkpoint is not.
    """
    bitexts, fit = read_measured(wanted, controlled), fitted.fit
    rows: dict[str, list[ScoreRow]] = {name: [] for name in runs.changed}
    for pooling, part in wanted.parts.items():
        before = partial(_states_before, store, fitted, pooling)
        _measure_states(part, bitexts, partial(runs.states_of, pooling=pooling), before, rows, report)
        for name, changed_after in runs.changed.items():
            if {*MEASURES, *STEPS} & set(part.names) and not (fit.before or fit.during or changed_after):
                rows[name] += _pretrained_rows(find_reference(store, fit.origin), part, bitexts, before)
    if set(WEIGHT_MEASURES) & set(wanted.names):
        for name in runs.changed:
            with runs.in_place(name):
                rows[name] += _drift_rows(find_reference(store, fit.origin).encoder, fitted.encoder, source)
    return {
        name: [row for row in _means(found) if row.value is not None and not math.isnan(row.value)]
        for name, found in rows.items()
    }


def _states_before(
    store: Store, fitted: Fitted, pooling: Pooling, texts: Texts, language: str, digest: str
) -> Levels:
    """Return the pretrained encoder's states of a text in a language."""
    reference, device = find_reference(store, fitted.fit.origin), fitted.encoder.base.device
    tokenizer = fitted.tokenizer_of(language)
    # Languages that have tokenizers or parts of their own may read one text in different ways.
    key = f"{digest} {language}" if fitted.encoding.tokenizers.own or fitted.encoder.languages else digest
    return tuple(reference.states_of(texts, language, key, pooling, tokenizer, device))


def _measure_states(
    wanted: Measurement,
    bitexts: Sequence[Bitext],
    states_of: Callable[[Texts, str], Mapping[str, Levels]],
    before: Callable[[Texts, str, str], Levels],
    rows: Mapping[str, list[ScoreRow]],
    report: Report,
) -> None:
    """Add to each run's rows what measures of one pooling find."""
    seen: set[str] = set()
    changes = [name for name in wanted.names if name in CHANGES]
    steps = [name for name in wanted.names if name in STEPS]
    for pair in _pairs(wanted, bitexts, lambda texts, language, _: states_of(texts, language)):
        aligned = _Once(partial(_align, wanted))
        for name in rows:
            rows[name].extend(_alignment_rows(pair, name, aligned))
        for language, texts, digest, states in pair.sides():
            if language in seen:
                continue
            seen.add(language)
            if steps:
                stepped = _Once(partial(_step, steps))
                for name in rows:
                    rows[name].extend(_step_rows(language, states[name], stepped))
            if changes:
                old, changed = before(texts, language, digest), _Once(partial(_change, changes))
                for name in rows:
                    rows[name].extend(_change_rows(language, old, states[name], changed))
        report({"event": "measured", "target": pair.bitext.target})


def _means(rows: Sequence[ScoreRow]) -> list[ScoreRow]:
    """Return one row a target, measure and level: the mean, where each language of a source was measured."""
    groups: dict[tuple[object, ...], list[ScoreRow]] = {}
    for row in rows:
        groups.setdefault((row.target, row.split, row.metric, row.layer), []).append(row)
    return [_mean_row(group) if len(group) > 1 else group[0] for group in groups.values()]


def _mean_row(group: Sequence[ScoreRow]) -> ScoreRow:
    values = [math.nan if row.value is None else row.value for row in group]
    least = min(row.n or 0 for row in group)
    return group[0].model_copy(update={"value": sum(values) / len(values), "n": least})


def _pretrained_rows(
    reference: Reference,
    wanted: Measurement,
    bitexts: Sequence[Bitext],
    before: Callable[[Texts, str, str], Levels],
) -> tuple[ScoreRow, ...]:
    """Return the pretrained encoder's own measures, which are computed once."""
    if wanted not in reference.rows:
        pairs = _pairs(wanted, bitexts, lambda *text: {"": before(*text)})
        aligned = _Once(partial(_align, wanted))
        stepped = _Once(partial(_step, [name for name in wanted.names if name in STEPS]))
        rows: list[ScoreRow] = []
        seen: set[str] = set()
        for pair in pairs:
            rows += _alignment_rows(pair, "", aligned, PRETRAINED)
            for language, _, _, states in pair.sides():
                if language not in seen:
                    seen.add(language)
                    rows += _step_rows(language, states[""], stepped, PRETRAINED)
        reference.rows[wanted] = tuple(rows)
    return reference.rows[wanted]


@dataclass(frozen=True)
class _Pair:
    """A bitext with the states of both sides by run, level by level, each ``(sentences, hidden)``."""

    bitext: Bitext
    digests: tuple[str, str]
    source: Mapping[str, Levels]
    target: Mapping[str, Levels]

    def sides(self) -> Iterator[tuple[str, Texts, str, Mapping[str, Levels]]]:
        """Yield language, text, digest and states of both sides."""
        yield self.bitext.source, self.bitext.sources, self.digests[0], self.source
        yield self.bitext.target, self.bitext.targets, self.digests[1], self.target


@dataclass
class _Once:
    """Computes what two arrays give, once for each two."""

    compute: Callable[[States, States], Mapping[str, float]]
    # The arrays are held, so that no other can have their identity.
    _found: dict[tuple[int, int], tuple[States, States, Mapping[str, float]]] = field(default_factory=dict)

    def __call__(self, x: States, y: States) -> Mapping[str, float]:
        key = (id(x), id(y))
        if key not in self._found:
            self._found[key] = x, y, self.compute(x, y)
        return self._found[key][2]


def _pairs(
    wanted: Measurement,
    bitexts: Sequence[Bitext],
    states_of: Callable[[Texts, str, str], Mapping[str, Levels]],
) -> Iterator[_Pair]:
    """Yield bitexts with their states; those of the source are kept while bitexts share its sentences."""
    shared: tuple[Texts, Mapping[str, Levels]] | None = None
    for one, (_, source, target) in zip(bitexts, wanted.texts, strict=True):
        if shared is None or shared[0] is not one.sources:
            shared = one.sources, states_of(one.sources, one.source, source)
        yield _Pair(one, (source, target), shared[1], states_of(one.targets, one.target, target))


def _align(wanted: Measurement, x: States, y: States) -> Mapping[str, float]:
    names = [name for name in wanted.names if name in MEASURES]
    return {metric: value for name in names for metric, value in MEASURES[name](x, y, name).items()}


def _change(names: Sequence[str], x: States, y: States) -> Mapping[str, float]:
    return {name: cka(x, y, CHANGES[name][0], kernel=CHANGES[name][1]) for name in names}


def _step(names: Sequence[str], x: States, y: States) -> Mapping[str, float]:
    return {name: step_cka(x, y, name) for name in names}


def _alignment_rows(pair: _Pair, run: str, aligned: _Once, ending: str = "") -> Iterator[ScoreRow]:
    for level, (x, y) in enumerate(zip(pair.source[run], pair.target[run], strict=True)):
        for metric, value in aligned(x, y).items():
            yield _row(pair.bitext.target, f"{metric}{ending}", level, value, len(pair.bitext))


def _change_rows(language: str, before: Levels, after: Levels, changed: _Once) -> Iterator[ScoreRow]:
    for level, (x, y) in enumerate(zip(before, after, strict=True)):
        for name, value in changed(x, y).items():
            yield _row(language, name, level, value, len(x))


def _step_rows(language: str, levels: Levels, stepped: _Once, ending: str = "") -> Iterator[ScoreRow]:
    for level, (x, y) in enumerate(pairwise(levels), start=1):
        for name, value in stepped(x, y).items():
            yield _row(language, f"{name}{ending}", level, value, len(x))


def _drift_rows(before: Encoder, after: Encoder, source: str) -> Iterator[ScoreRow]:
    for drift in weight_drift(before, after):
        for metric, value in drift.metrics().items():
            yield _row(source, metric, drift.layer, value, drift.n, split="weights")


def _row(target: str, metric: str, level: int, value: float, n: int, split: str = "parallel") -> ScoreRow:
    return ScoreRow(target=target, split=split, metric=metric, layer=level, value=value, n=n)
