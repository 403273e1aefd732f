"""Similarity by layer shows means over the targets, before and after fine-tuning and with ablations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from layerlab.errors import RecordsError
from layerlab.report.figures.figure import Material
from layerlab.report.figures.layers.similarity import SIMILARITY, plot_similarity
from layerlab.report.style.style import COLUMN_WIDTH

Make = Callable[..., pd.DataFrame]


def curves(figure: Figure) -> dict[str, list[float]]:
    lines = figure.axes[0].get_lines()
    return {str(line.get_label()): list(np.asarray(line.get_ydata(), float)) for line in lines}


def mean_of(frame: pd.DataFrame, metric: str, ablation: str = "none") -> list[float]:
    rows = frame[(frame["metric"] == metric) & (frame["ablation"] == ablation)]
    return list(rows.groupby("layer")["value"].mean())


def test_before_and_after_are_means_over_targets_and_seeds(measured: Make) -> None:
    frame = measured(targets=("de", "fr"))
    figure = plot_similarity(frame)
    drawn = curves(figure)
    assert set(drawn) == {"pretrained", "fine-tuned"}
    assert drawn["pretrained"] == pytest.approx(mean_of(frame, "cka_pretrained"))
    assert drawn["fine-tuned"] == pytest.approx(mean_of(frame, "cka"))
    assert figure.get_size_inches()[0] == COLUMN_WIDTH
    assert figure.axes[0].get_ylabel() == "CKA (linear, debiased)"


def test_only_what_varies_over_seeds_has_a_band(measured: Make) -> None:
    frame = measured(targets=("de", "fr"))
    (band,) = plot_similarity(frame).axes[0].collections
    rows = frame[(frame["metric"] == "cka") & (frame["ablation"] == "none")]
    by_seed = rows.groupby(["layer", "seed"])["value"].mean().unstack()
    high = (by_seed.mean(axis=1) + 4.302652729749464 * by_seed.sem(axis=1)).max()
    assert np.asarray(band.get_paths()[0].vertices)[:, 1].max() == pytest.approx(high)
    assert len(plot_similarity(measured(targets=("de",), seeds=(0,))).axes[0].collections) == 0


def test_a_sweep_adds_a_curve_for_each_window_from_the_bottom(measured: Make) -> None:
    frame = measured(targets=("de", "fr"), n_layers=4, size=2)
    drawn = curves(plot_similarity(frame, sweep="reset@before"))
    assert list(drawn) == ["pretrained", "fine-tuned", "layers 0-1", "layers 2-3"]
    assert drawn["layers 2-3"] == pytest.approx(mean_of(frame, "cka", "reset(2-3)@before"))


def test_retrieval_has_chance(measured: Make) -> None:
    drawn = curves(plot_similarity(measured(targets=("de", "fr")), "retrieval"))
    assert drawn["chance"][0] == pytest.approx(1 / 200)


def test_every_measure_and_sweep_has_a_drawing(measured: Make) -> None:
    frame = measured(targets=("de", "fr"), measures=("cka", "anc"))
    found = list(SIMILARITY.find(Material(frame)))
    assert [drawing.name for drawing in found] == [
        "similarity-upos-en-cka-reset-before", "similarity-upos-en-anc-reset-before",
    ]  # fmt: skip
    assert "mean over 2 targets, n = 200 sentences; n = 3 seeds, bands are" in found[0].words
    assert "before fine-tuning (pretrained) and after it" in found[0].words


def test_what_can_not_be_drawn_is_refused(measured: Make) -> None:
    frame = measured(targets=("de",))
    with pytest.raises(RecordsError, match="unknown sweep 'freeze@before'; did you mean 'reset@before'"):
        plot_similarity(frame, sweep="freeze@before")
    with pytest.raises(RecordsError, match="unknown measure 'cca'"):
        plot_similarity(frame, "cca")
