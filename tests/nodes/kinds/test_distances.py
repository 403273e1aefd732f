"""Distances of a user's table are in a study's records, and change nothing else of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.ablation.ablation import Ablation
from layerlab.analysis.records.tidy import load_nodes, load_records
from layerlab.errors import StudyError
from layerlab.nodes.kinds.distances import LanguageDistances
from layerlab.report.page.study_report import report_on
from layerlab.study.study import Study
from tests.fixtures.studies import make_study, run


@pytest.fixture
def study(treebanks: Path, tiny_encoder: Path, tmp_path: Path) -> Study:
    table = tmp_path / "distances.csv"
    table.write_text(
        "source,target,distance,value\naa,bb,genetic,0.2\ncc,aa,genetic,0.9\naa,cc,order,0.5\nx,y,order,1\n",
        encoding="utf-8",
    )
    return make_study(
        treebanks,
        tiny_encoder,
        seeds=[3],
        ablations=[Ablation.none()],
        training={"epochs": 1, "batch_size": 24},
        nodes={"distances": {"table": str(table)}},
    )


def test_records_hold_the_distances_of_every_target(study: Study, tmp_path: Path) -> None:
    run(study, tmp_path / "r")
    frame = load_records(tmp_path / "r")
    rows = frame[frame["split"] == "distance"]
    found = {
        (kind, to): value for kind, to, value in rows[["metric", "target", "value"]].itertuples(index=False)
    }
    assert found == {("genetic", "bb"): 0.2, ("genetic", "cc"): 0.9, ("order", "cc"): 0.5}
    assert set(rows["source"]) == {"aa"}
    assert set(frame["seed"]) == {3}
    nodes = load_nodes(tmp_path / "r")
    assert "order" in nodes[nodes["kind"] == "distances"]["lacking"].iloc[0]
    assert {path.name for path in report_on(tmp_path / "r", tmp_path / "report")} >= {"scores.csv"}


def test_no_other_identity_depends_on_them(study: Study) -> None:
    without = study.model_copy(update={"nodes": {}})
    ids = {item.id for item in without.plan().nodes}
    both = study.plan().nodes
    assert ids == {item.id for item in both if not isinstance(item, LanguageDistances)}
    assert len(both) == len(ids) + 1


def test_a_table_of_other_languages_or_no_table_is_refused(study: Study, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("source,target,distance,value\nx,y,order,1\n", encoding="utf-8")
    for options, message in (
        (
            {"table": str(other)},
            "no distance between a source and a target of the study; it has the languages x, y",
        ),
        ({"table": str(tmp_path / "none.csv")}, "cannot read the table of distances"),
        ({"tables": str(other)}, "tables"),
    ):
        with pytest.raises(StudyError, match=message):
            study.model_copy(update={"nodes": {"distances": options}}).plan()
