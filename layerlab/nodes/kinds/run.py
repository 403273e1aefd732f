"""A run: one evaluation of a fit, after the interventions that come after fine-tuning."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from layerlab.analysis.stored.record import Record, ScoreRow
from layerlab.data.catalog.corpus import DataSpec
from layerlab.nodes.facts import Facts
from layerlab.nodes.identity import RunSpec
from layerlab.nodes.kinds.evaluation.measurement import Measurement
from layerlab.nodes.kinds.fields import InterventionField, read_node
from layerlab.nodes.kinds.training.trained import NAME as WARM
from layerlab.nodes.node import Work, node
from layerlab.nodes.settings import WorkSettings
from layerlab.training.shortcuts.shortcut import Taken

if TYPE_CHECKING:
    from layerlab.ablation.apply import Receipt
    from layerlab.nodes.kinds.evaluation.fitted import Fitted
    from layerlab.nodes.kinds.evaluation.layer_scores import Measured
    from layerlab.tasks.task import Score


class RunFacts(Facts):
    """What a run notes of itself.

    Attributes:
        measuring_seconds: Time of measures, in seconds.
        receipts: What the interventions touched.
        targets: For each target how many words it has, how many are unknown, and notes of its reader.
    """

    measuring_seconds: float
    receipts: tuple[Mapping[str, Any], ...]
    targets: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class _Found:
    """What a run found.

    Attributes:
        counted: Targets with their scores.
        measured: Rows of the measures.
        receipts: What its interventions touched.
        seconds: Time of all of it; its share if it shared work.
        measuring: Time of the measures, likewise.
    """

    counted: list[tuple[str, Score]]
    measured: Sequence[ScoreRow]
    receipts: Sequence[Receipt]
    seconds: float
    measuring: float


@node
class Run(BaseModel):
    """One evaluation of a fit.

    Attributes:
        spec: What determines its numbers.
        columns: The record's columns that name the run: study, model, task, ablation, phase, intervention,
            layers, first_layer, last_layer, donor, source, seed and more.
        after: Interventions after fine-tuning, selections and donors resolved.
        data: Where the corpora are.
        donors: Ids of the fits that donate weights.
        measures: What is measured beside scores; None for nothing.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True
    )

    kind: ClassVar[str] = "run"
    removable: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[bool] = False
    scored: ClassVar[bool] = True

    spec: RunSpec
    columns: Mapping[str, Any]
    after: tuple[InterventionField, ...]
    data: DataSpec
    donors: tuple[str, ...] = Field(default=(), alias="needs")
    measures: Measurement | None = None

    @property
    def id(self) -> str:
        """The run's identity."""
        return self.spec.id

    @property
    def fit(self) -> str:
        """The id of the fit that is evaluated."""
        return self.spec.fit

    @property
    def needs(self) -> tuple[str, ...]:
        """The fit, and the fits that donate weights."""
        return (self.fit, *self.donors)

    @property
    def title(self) -> str:
        """One line for progress and messages."""
        c = self.columns
        return f"run {c['model']} {c['task']} {c['source']} seed {c['seed']} {c['ablation']}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the store."""
        plain = self.model_dump(mode="json", by_alias=True)
        for part in (plain, plain["spec"]):
            if part["measures"] is None:
                del part["measures"]
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Run:
        """Read plain values of the store back."""
        return read_node(cls, plain)

    def execute(self, work: Work) -> None:
        """Evaluate on every target and publish the record; the fit in memory is left as it was.

        Raises:
            DataError: A corpus is not what it was when the plan was made.
        """
        from layerlab.ablation.apply import applied
        from layerlab.nodes.kinds.evaluation.layer_scores import measured_alone

        started = time.monotonic()
        fitted, taken = self._open(work)
        donors = fitted.donors_of(work.store, self.donors)
        with applied(self.after, fitted.encoder, donors=donors, head=fitted.model.head) as receipts:
            counted = self._evaluate(work, fitted, receipts, taken)
            measured, measuring = self._measure(
                work, fitted, measured_alone(fitted, changed=bool(self.after))
            )
        rows = measured.get("", [])
        found = _Found(counted, rows, receipts, time.monotonic() - started, measuring)
        self._complete(work, fitted, found, taken)

    @classmethod
    def join(cls, nodes: Sequence[Run], settings: WorkSettings) -> list[list[Run]]:
        """Return runs of one fit, targets and measures as groups, unless the shortcut is switched off."""
        from layerlab.nodes.kinds.evaluation.shared_runs import MOST_TOGETHER, SharedPrefix

        alike: dict[tuple[Any, ...], list[Run]] = {}
        for run in nodes:
            alike.setdefault((run.fit, run.measures, *run.spec.targets.items()), []).append(run)
        groups: list[list[Run]] = []
        for runs in alike.values():
            size = MOST_TOGETHER if settings.taken().may(SharedPrefix(), runs) else 1
            groups += [runs[start : start + size] for start in range(0, len(runs), size)]
        return groups

    @classmethod
    def execute_together(cls, nodes: Sequence[Run], work: Work) -> None:
        """Evaluate runs of one fit batch by batch, each from the first layer that it changes; publish each.

        Raises:
            DataError: A corpus is not what it was when the plan was made.
        """
        from layerlab.nodes.kinds.evaluation.shared_runs import (
            describe_sharing,
            evaluate_forms,
            measured_together,
            prepare_forms,
        )

        first, runs = nodes[0], {run.id: run for run in nodes}
        fitted, _ = first._open(work)
        after = {run.id: (run.after, run.donors) for run in nodes}
        for forms in prepare_forms(fitted, work.store, after):
            started, shared = time.monotonic(), work.settings.taken()
            counted = evaluate_forms(fitted, forms, first.data, first.spec.targets, work, shared)
            measured, measuring = first._measure(work, fitted, measured_together(fitted, forms=forms))
            seconds = (time.monotonic() - started) / len(forms)
            for run_id, form in forms.items():
                run, rows = runs[run_id], measured.get(run_id, [])
                taken = run._open(work)[1]
                taken.notes.update(shared.notes)
                taken.note("shared-prefix", describe_sharing(form, len(forms), fitted.encoder.n_layers))
                found = _Found(counted[run_id], rows, form.receipts, seconds, measuring / len(forms))
                run._complete(work.of(run), fitted, found, taken)

    def _open(self, work: Work) -> tuple[Fitted, Taken]:
        """Return the fit, and what notes which shortcuts the run takes."""
        from layerlab.nodes.kinds.evaluation.fitted import find_fitted

        fitted, taken = find_fitted(work, self.fit), work.settings.taken()
        if fitted.is_warm:
            taken.note(WARM, "evaluated in the process that trained it")
        fitted.look_for_prefix(work, taken)
        return fitted, taken

    def _measure(
        self, work: Work, fitted: Fitted, runs: Measured
    ) -> tuple[Mapping[str, list[ScoreRow]], float]:
        """Return what runs with these measures measure, by run, and the seconds that it took."""
        from layerlab.nodes.kinds.evaluation.layer_scores import measure_runs

        if self.measures is None:
            return {}, 0.0
        started, source = time.monotonic(), str(self.columns["source"])
        rows = measure_runs(
            work.store,
            fitted,
            self.measures,
            self.data.controlled,
            runs,
            source=source,
            report=work.report,
        )
        return rows, time.monotonic() - started

    def _complete(self, work: Work, fitted: Fitted, found: _Found, taken: Taken) -> None:
        """Publish the record."""
        fitted.encoding.note(taken)
        facts = RunFacts.gather(
            work.settings.device,
            found.seconds,
            measuring_seconds=round(found.measuring, 3),
            receipts=[receipt.to_dict() for receipt in found.receipts],
            targets={target: _describe(fitted, target) for target in self.spec.targets},
            shortcuts=taken.notes,
        )
        rows = [*(_row_of(target, score) for target, score in found.counted), *found.measured]
        work.report(
            {
                "event": "scores",
                "ablation": self.columns["ablation"],
                "scores": [(target, score.metric, score.value) for target, score in found.counted],
                "receipts": facts.receipts,
            }
        )
        self._publish(work, found.counted, rows, facts)

    def _evaluate(
        self, work: Work, fitted: Fitted, receipts: Sequence[Receipt], taken: Taken
    ) -> list[tuple[str, Score]]:
        from layerlab.ablation.prepared import lowest_level
        from layerlab.finetuning.evaluation import evaluate
        from layerlab.finetuning.model import plain_pass

        device = next(fitted.model.parameters()).device
        start = lowest_level(self.after, receipts, fitted.encoder)
        counted: list[tuple[str, Score]] = []
        for target, planned in self.spec.targets.items():
            corpus = fitted.corpus(self.data, target, planned)
            prefix = None if start is None else fitted.prefix(corpus, taken, start)
            scores = evaluate(
                fitted.model.speaking(target), fitted.task, corpus, device, prefix or plain_pass
            )
            counted += [(target, score) for score in scores]
            work.report({"event": "target", "target": target})
        return counted

    def _publish(
        self, work: Work, counted: list[tuple[str, Score]], rows: list[ScoreRow], facts: RunFacts
    ) -> None:
        from layerlab.nodes.kinds.evaluation.sentence_counts import write_run_counts

        about = {**self.columns, "run_id": self.id, "fit_id": self.fit}
        with work.publish(self) as folder:
            write_run_counts(folder, counted)
            Record(
                kind=self.kind, id=self.id, about=about, facts=facts.model_dump(), scores=tuple(rows)
            ).write(folder)


def _row_of(target: str, score: Score) -> ScoreRow:
    return ScoreRow(
        target=target, split="test", metric=score.metric, value=score.value, n=score.n, floor=score.floor
    )


def _describe(fitted: Fitted, target: str) -> dict[str, Any]:
    corpus = fitted.corpora[target]
    return {
        "n_words": corpus.encoded.n_words,
        "n_windowed_words": corpus.encoded.n_windowed,
        "n_unknown_words": corpus.encoded.n_unknown,
        **corpus.encoded.counts,
        "notes": list(corpus.notes),
    }
