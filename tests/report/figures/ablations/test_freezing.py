"""The curve of freezing shows the scores by the number of frozen lowest layers, from none to all."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from layerlab.errors import RecordsError
from layerlab.report.figures.ablations.freezing import (
    FREEZING,
    freezing_depth,
    plot_freezing,
    scores_by_depth,
)
from layerlab.report.figures.figure import Material

Make = Callable[..., pd.DataFrame]
DEPTHS = {
    -1: "none",
    0: "freeze embeddings",
    3: "freeze to layer 2",
    6: "freeze to layer 5",
    12: "freeze all",
}


@pytest.mark.parametrize(
    ("layers", "depth"),
    [
        ("embeddings", 0), ("embeddings,0", 1), ("embeddings,0-11", 12), ("0", 1), ("0-4", 5),
        ("", None), ("first:3", None), ("all", None),
        ("3", None), ("2-3", None), ("embeddings,2-3", None), ("0-1,4", None),
    ],
)  # fmt: skip
def test_only_the_lowest_layers_without_a_gap_have_a_depth(layers: str, depth: int | None) -> None:
    assert freezing_depth(layers) == depth


def test_curves_are_scores_in_points_by_depth(synthetic: Make) -> None:
    frame = synthetic(study="freeze", targets=("de", "fr"))
    (axis,) = plot_freezing(frame).axes
    drawn = {str(line.get_label()): line for line in axis.get_lines()}
    assert set(drawn) == {"en (source)", "zero-shot, mean of 2"}
    for label, targets in (("en (source)", ["en"]), ("zero-shot, mean of 2", ["de", "fr"])):
        means = 100 * frame[frame["target"].isin(targets)].groupby("ablation")["value"].mean()
        assert list(np.asarray(drawn[label].get_xdata())) == list(DEPTHS)
        expected = [means[name] for name in DEPTHS.values()]
        assert list(np.asarray(drawn[label].get_ydata(), float)) == pytest.approx(expected)
    ticks = [text.get_text() for text in axis.get_xticklabels()]
    assert ticks[:3] == ["none", "emb", "+2"]
    assert ticks[-1] == "+12"
    assert axis.get_ylabel() == "accuracy (points)"


def test_bands_are_t_intervals_over_seeds(synthetic: Make) -> None:
    frame = synthetic(study="freeze", targets=("de", "fr"))
    curves = scores_by_depth(frame).curves
    own = curves[(curves["depth"] == 3) & (curves["group"] == "targets")].iloc[0]
    rows = frame[(frame["ablation"] == "freeze to layer 2") & (frame["target"] != "en")]
    by_seed = 100 * rows.groupby("seed")["value"].mean()
    assert own["high"] - own["mean"] == pytest.approx(4.302652729749464 * float(stats.sem(by_seed)))
    assert len(plot_freezing(synthetic(study="freeze", targets=("de",), seeds=(0,))).axes[0].collections) == 0


def test_of_ablations_that_freeze_the_same_the_plain_one_counts_and_the_caption_says_so(
    synthetic: Make,
) -> None:
    frame = synthetic(study="freeze", targets=("de",))
    assert scores_by_depth(frame).left_out == ("freeze to layer 5 without dropout",)
    (drawing,) = FREEZING.find(Material(frame))
    assert drawing.name == "freezing-upos-en"
    assert "left out, as they freeze the same: freeze to layer 5 without dropout" in drawing.words


def test_what_an_ablation_gives_besides_the_layers_counts_more_than_its_name(synthetic: Make) -> None:
    frame = synthetic(study="freeze", targets=("de",))
    options = json.loads(frame[frame["ablation"] == "freeze to layer 5"]["options"].iloc[0])
    odd = [entry | {"dropout": False} for entry in options]
    short = frame["ablation"] == "freeze to layer 5"
    frame = frame.assign(options=frame["options"].mask(short, json.dumps(odd)))
    assert scores_by_depth(frame).left_out == ("freeze to layer 5",)


def test_without_the_embeddings_0_is_the_baseline(synthetic: Make) -> None:
    frame = synthetic(study="freeze", targets=("de",))
    bare = frame.assign(layers=frame["layers"].str.replace("embeddings,", ""))
    (axis,) = plot_freezing(bare[bare["layers"] != "embeddings"]).axes
    assert [text.get_text() for text in axis.get_xticklabels()][:2] == ["0", "2"]
    assert list(np.asarray(axis.get_lines()[0].get_xdata())) == [0, 3, 6, 12]


def test_other_corpora_of_the_source_enter_no_mean(synthetic: Make) -> None:
    frame = synthetic(study="freeze", targets=("de", "en:GUM"))
    assert scores_by_depth(frame).n_targets == 1


def test_too_few_depths_are_refused_or_left_out(synthetic: Make) -> None:
    frame = synthetic(study="freeze", targets=("de",))
    few = frame[frame["ablation"].isin(["none", "freeze all"])]
    with pytest.raises(RecordsError, match="2 depths of frozen lowest layers .* the records have 1"):
        plot_freezing(few)
    assert list(FREEZING.find(Material(few))) == []
    assert list(FREEZING.find(Material(synthetic(n_layers=2)))) == []
    with pytest.raises(RecordsError, match="shows one setting, and the records have 2"):
        plot_freezing(synthetic(study="freeze", targets=("de",), models=("a", "b")))
