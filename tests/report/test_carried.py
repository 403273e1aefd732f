"""Tables, captions and figures rest on what a plan writes into records, never on names or on order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.ablation.ablation import Ablation
from layerlab.ablation.interventions import FitDonor, Freeze, Reset, Swap
from layerlab.ablation.sweep import Sweep, Swept
from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.effects.sweeps import NAMED, select_scores
from layerlab.analysis.records.spread import record_rows
from layerlab.analysis.records.tidy import load_records, validate_records, write_records
from layerlab.analysis.stored.record import Record, ScoreRow
from layerlab.report.figures.gallery import available
from layerlab.report.style.panels import panels
from layerlab.report.tables.formats.text import render_table
from layerlab.tasks import task as registry
from layerlab.tasks.tagging import UPOS_TAGGING, Tagging
from tests.fixtures.studies import make_study

#: Names that look like others: as if made from interventions, or as if of a sweep.
NAMES = ("reset(0-1)@before", "rewind(0)", "reset(to=pretrained)@after", "none of it")


@pytest.fixture
def own_task(monkeypatch: pytest.MonkeyPatch) -> str:
    """A task whose main metric is not its first one by name."""
    monkeypatch.setattr(registry, "_TASKS", dict(registry._TASKS))
    upos = UPOS_TAGGING
    own = Tagging("own", upos.formats, "quality", upos.tags_of, upos.labels_of, upos.scores_of)
    registry.register_task(own)
    return own.name


def planned_records(treebanks: Path, tiny_encoder: Path, **changes: Any) -> pd.DataFrame:
    """Records as the runs of a plan would write them, with scores that differ by layer and target."""
    plan = make_study(treebanks, tiny_encoder, **changes).plan()
    rows = []
    for number, run in enumerate(plan.runs):
        about = {**run.columns, "fit_id": run.spec.fit}
        scores = tuple(
            ScoreRow(target=target, split="test", metric=metric, value=value - number / 100, n=50)
            for target in ("aa", "bb", "cc")
            for metric, value in (("accuracy", 0.9), ("quality", 0.8 if target == "aa" else 0.6))
        )
        rows += record_rows(Record(kind="run", id=run.id, about=about, scores=scores))
    return validate_records(pd.DataFrame(rows))


def test_the_main_metric_of_ones_own_task_is_the_same_from_a_store_and_from_sorted_records(
    treebanks: Path, tiny_encoder: Path, own_task: str, tmp_path: Path
) -> None:
    frame = planned_records(treebanks, tiny_encoder, tasks=[own_task])
    published = load_records(write_records(frame, tmp_path / "records.csv"))
    shuffled = frame.sample(frac=1, random_state=0)
    for records in (frame, published, shuffled):
        assert set(select_scores(records)["metric"]) == {"quality"}
    first, *others = (sorted(render_table(records).splitlines()) for records in (frame, published, shuffled))
    assert others == [first, first]  # sections come in the order of the rows
    assert any("Points of quality for own" in line for line in first)


def test_an_ablation_is_what_it_does_whatever_its_author_called_it(
    treebanks: Path, tiny_encoder: Path
) -> None:
    swept = Sweep(entries=(Swept("after", "reset", {"to": "pretrained"}),), name="reset@before")
    ablations = [
        Ablation.none(),
        Ablation(NAMES[0], before=(Freeze("0"),)),
        Ablation(NAMES[1], before=(Freeze("0-1"),)),
        Ablation(NAMES[2], after=(Swap("2-3", donor=FitDonor(source="bb")),)),
        Ablation(NAMES[3], before=(Reset("0"),)),
        swept,
    ]
    frame = planned_records(treebanks, tiny_encoder, ablations=ablations)
    found = {panel.sweep: set(part["ablation"]) for panel, part in panels(sensitivity(frame)).items()}
    in_sweep = {one.name for one in swept.expand(4)}
    assert found == {NAMED: set(NAMES), "reset@before": in_sweep}
    words = {panel.sweep: panel.words for panel in panels(sensitivity(frame))}
    assert words == {NAMED: NAMED, "reset@before": "reset@before"}  # its author's name, which is not read
    assert {name for name, there in available(frame).items() if there} >= {"freezing", "swaps", "heatmap"}


def test_ablations_without_names_are_sweeps_in_words(treebanks: Path, tiny_encoder: Path) -> None:
    effect = sensitivity(planned_records(treebanks, tiny_encoder))
    assert {panel.words for panel in panels(effect)} == {"RANDOM-INIT before fine-tuning", NAMED}
