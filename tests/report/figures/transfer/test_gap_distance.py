from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.records.tidy import validate_records
from layerlab.analysis.transfer.distance import correlate_distances
from layerlab.errors import RecordsError
from layerlab.report.figures.gallery import draw_all, drawings
from layerlab.report.figures.transfer.gap_distance import gap_against_distance, plot_gap_distance
from layerlab.report.tables.distances import distance_table
from layerlab.report.tables.formats.markdown import to_markdown

Rows = Callable[..., pd.DataFrame]
TARGETS = ("de", "fr", "ru", "fi", "ja")


@pytest.fixture
def frame(rows: Rows) -> pd.DataFrame:
    """Scores that fall with the genetic distance, and another that has nothing to do with them."""
    scores = {name: 0.9 - 0.1 * place for place, name in enumerate(TARGETS)}
    plain = rows(
        *(("", seed, {"en": 0.95, **{k: v - seed / 50 for k, v in scores.items()}}) for seed in (0, 1))
    )
    given = [("genetic", name, place / 5) for place, name in enumerate(TARGETS)]
    given += [("order", name, value) for name, value in zip(TARGETS, (1, 0, 2, 0, 1), strict=True)]
    given += [("script", "de", 1.0)]
    about = plain.iloc[0].to_dict() | {"ablation": "distance", "split": "distance", "layer": 0, "run_id": "d"}
    about |= {"fit_id": "", "n": None, "main": False}
    more = [about | {"metric": kind, "target": target, "value": value} for kind, target, value in given]
    return validate_records(pd.concat([plain, pd.DataFrame(more)]))


def test_gaps_and_distances_meet_by_target(frame: pd.DataFrame) -> None:
    shown = gap_against_distance(frame)
    assert shown.kinds == ["genetic", "order"]
    assert shown.gaps.loc["ja", "gap"] == pytest.approx(100 * (0.95 - 0.5 + 0.01))
    assert shown.rho.loc["genetic", "rho"] == pytest.approx(1)
    assert shown.rho["rho"].abs()["order"] < 0.5


def test_the_table_has_rho_with_its_interval_and_q_over_the_kinds(frame: pd.DataFrame) -> None:
    found = correlate_distances(frame).set_index("measure")
    assert found.loc["genetic", "n_languages"] == 5
    assert found.loc["genetic", "n_seeds"] == 2
    assert found.loc["genetic", "p"] == pytest.approx(2 / 120)
    assert found.loc["genetic", "q"] == pytest.approx(2 * 2 / 120)
    low, rho, high = (float(found[name]["order"]) for name in ("low", "rho", "high"))
    assert low < rho < high
    assert found["rho"].isna()["script"]
    text = to_markdown(distance_table(frame))
    assert "| genetic" in text
    assert "100.0" in text


def test_the_figure_is_drawn_from_records_alone(frame: pd.DataFrame, tmp_path: Path) -> None:
    (drawing,) = [one for figure, one in drawings(frame) if figure.name == "distance"]
    assert drawing.name == "distance-upos-en"
    assert "of 5 languages against their distance from en; n = 2 seeds" in drawing.words
    assert len(draw_all(frame, tmp_path, figures=("distance",))) == 1
    figure = plot_gap_distance(frame)
    assert [axis.get_xlabel() for axis in figure.axes] == ["genetic distance", "order distance"]
    assert figure.axes[0].get_title().startswith("rho 1.00 [")


def test_records_without_distances_or_with_few_targets_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(RecordsError, match="these records have no distances: the study needs nodes"):
        plot_gap_distance(frame[frame["split"] == "test"])
    with pytest.raises(RecordsError, match="needs 3 targets with a score"):
        plot_gap_distance(frame[frame["target"].isin(["en", "de", "fr"])])
