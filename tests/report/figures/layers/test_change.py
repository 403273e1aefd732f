"""Change by layer: each language's CKA with the pretrained encoder, and the weights' drift by component."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from layerlab.errors import RecordsError
from layerlab.report.figures.figure import Material
from layerlab.report.figures.layers.change import CHANGE, DRIFT, plot_change, plot_drift

Make = Callable[..., pd.DataFrame]


def curves(figure: Figure) -> dict[str, list[float]]:
    lines = figure.axes[0].get_lines()
    return {str(line.get_label()): list(np.asarray(line.get_ydata(), float)) for line in lines}


def test_every_language_has_a_curve_and_the_source_is_black(measured: Make) -> None:
    frame = measured(targets=("de", "fr"))
    figure = plot_change(frame)
    drawn = curves(figure)
    rows = frame[(frame["metric"] == "change_cka") & (frame["ablation"] == "none")]
    means = rows.groupby(["target", "layer"])["value"].mean()
    assert set(drawn) == {"de", "fr", "en (source)"}
    for label, target in (("de", "de"), ("fr", "fr"), ("en (source)", "en")):
        assert drawn[label] == pytest.approx(list(means[target]))
    black = [str(line.get_label()) for line in figure.axes[0].get_lines() if line.get_color() == "black"]
    assert black == ["en (source)"]
    assert len(figure.axes[0].collections) == 0


def test_the_caption_says_how_wide_the_intervals_are(measured: Make) -> None:
    frame = measured(targets=("de", "fr"))
    found = list(CHANGE.find(Material(frame)))
    rows = frame[(frame["metric"] == "change_cka") & (frame["ablation"] == "none")]
    errors = rows.groupby(["target", "layer"])["value"].sem()
    assert f"at most ±{4.302652729749464 * errors.max():.3f}" in found[0].words
    assert [drawing.name for drawing in found] == [
        "change-upos-en-change-cka", "change-upos-en-change-cka-reset-before",
    ]  # fmt: skip


def test_drift_is_drawn_whole_and_by_component(measured: Make) -> None:
    frame = measured(targets=("de",))
    figure = plot_drift(frame)
    drawn = curves(figure)
    assert set(drawn) == {"whole layer", "attention", "ffn", "norm"}
    rows = frame[(frame["metric"] == "drift_ffn") & (frame["ablation"] == "none")]
    assert drawn["ffn"] == pytest.approx(list(rows.groupby("layer")["value"].mean()))
    ffn = next(line for line in figure.axes[0].get_lines() if line.get_label() == "ffn")
    assert list(np.asarray(ffn.get_xdata())) == [1, 2, 3, 4]  # the embeddings have none
    assert figure.axes[0].get_ylim()[0] == 0
    (drawing,) = DRIFT.find(Material(frame))
    assert drawing.name == "drift-upos-en"


def test_without_a_baseline_there_is_nothing_to_draw(measured: Make) -> None:
    frame = measured(targets=("de",))
    ablated = frame[frame["ablation"] != "none"]
    with pytest.raises(RecordsError, match="change_cka of no run without ablation"):
        plot_change(ablated)
    with pytest.raises(RecordsError, match="drift of no run without ablation"):
        plot_drift(ablated)
    assert list(DRIFT.find(Material(ablated))) == []
