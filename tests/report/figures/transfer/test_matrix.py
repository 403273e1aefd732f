"""The transfer matrix shows the baseline of every source on every target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh
from numpy.typing import NDArray
from scipy import stats

from layerlab.analysis.transfer.matrix import transfers
from layerlab.report.figures.figure import Material
from layerlab.report.figures.gallery import draw_all
from layerlab.report.figures.transfer.matrix import TRANSFER
from layerlab.report.tables.transfer import transfer_table

Make = Callable[..., pd.DataFrame]


@pytest.fixture
def frame(synthetic: Make) -> pd.DataFrame:
    """Records of two sources, each evaluated on the other too."""
    return synthetic(sources=("en", "ru"), targets=("ru", "en", "de"))


def baseline(frame: pd.DataFrame, source: str, target: str) -> NDArray[np.float64]:
    chosen = (frame["ablation"] == "none") & (frame["source"] == source) & (frame["target"] == target)
    return 100 * frame[chosen]["value"].to_numpy(float)


def test_cells_are_means_of_the_baseline_with_t_intervals(frame: pd.DataFrame) -> None:
    (found,) = transfers(frame)
    assert list(found.mean.index) == ["en", "ru"]
    assert list(found.mean.columns) == ["en", "ru", "de"]
    for source in ("en", "ru"):
        for target in ("en", "ru", "de"):
            values = baseline(frame, source, target)
            assert found.mean.loc[source, target] == pytest.approx(values.mean())
            low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
            assert found.half.loc[source, target] == pytest.approx((high - low) / 2)


def test_the_figure_shows_the_cells(frame: pd.DataFrame) -> None:
    (drawing,) = TRANSFER.find(Material(frame))
    assert drawing.name == "transfer-upos"
    (axis,) = drawing.draw().axes
    (mesh,) = (one for one in axis.collections if isinstance(one, QuadMesh))
    (found,) = transfers(frame)
    assert np.asarray(mesh.get_array()) == pytest.approx(found.mean.to_numpy())
    assert "fine-tuned on the language of the row" in drawing.words


def test_the_table_has_intervals(frame: pd.DataFrame) -> None:
    (section,) = transfer_table(frame).sections
    (found,) = transfers(frame)
    assert [row.names for row in section.rows] == [("en",), ("ru",)]
    for row, source in zip(section.rows, ("en", "ru"), strict=True):
        assert [cell.value for cell in row.cells] == pytest.approx(found.mean.loc[source].to_numpy())
        assert [cell.half for cell in row.cells] == pytest.approx(found.half.loc[source].to_numpy())
    assert "3 seeds" in section.note or "n seeds = 3" in section.note


def test_what_was_not_run_is_a_dash(frame: pd.DataFrame) -> None:
    part = frame[(frame["source"] != "ru") | (frame["target"] != "de")]
    (found,) = transfers(part)
    assert found.mean.isna().loc["ru", "de"]
    (drawing,) = TRANSFER.find(Material(part))
    assert "-" in {text.get_text() for text in drawing.draw().axes[0].texts}


def test_one_source_has_no_matrix(synthetic: Make) -> None:
    assert list(TRANSFER.find(Material(synthetic()))) == []
    assert transfer_table(synthetic()).sections == ()


def test_many_targets_fill_the_page(synthetic: Make, tmp_path: Path) -> None:
    targets = tuple(f"l{index}" for index in range(24))
    frame = synthetic(sources=("en", "ru"), targets=targets, size=6)
    (path,) = draw_all(frame, tmp_path, figures=["transfer"])
    assert path.name == "transfer-upos.pdf"
    (drawing,) = TRANSFER.find(Material(frame))
    assert "8 targets more are in the table" in drawing.words
