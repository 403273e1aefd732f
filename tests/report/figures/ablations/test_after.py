"""Interventions after fine-tuning side by side: a line each, on the source and on the mean of the targets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.errors import RecordsError
from layerlab.report.figures.ablations.after import AFTER, plot_after
from layerlab.report.figures.figure import Material

Make = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def frame(synthetic: Make) -> pd.DataFrame:
    """Rewound and re-randomised layers after fine-tuning, and a sweep before it."""
    shape = {"n_layers": 4, "size": 1, "targets": ("de", "fr")}
    parts = [
        synthetic(phase="after", options=", to=pretrained", **shape),
        synthetic(phase="after", largest=0.5, **shape),
        synthetic(**shape),
    ]
    return pd.concat(parts).drop_duplicates(["run_id", "target"])


def lines(axis: Axes) -> dict[str, list[float]]:
    found = {str(line.get_label()): np.asarray(line.get_ydata(), dtype=float) for line in axis.get_lines()}
    return {label: list(values) for label, values in found.items() if not label.startswith("_")}


def change(frame: pd.DataFrame, ablation: str, targets: list[str]) -> float:
    """The change of the score in points, by hand."""
    rows = frame[frame["target"].isin(targets)]
    means = rows.groupby("ablation")["value"].mean()
    return float(100 * (means[ablation] - means["none"]))


def test_lines_are_changes_of_the_score_by_layer(frame: pd.DataFrame) -> None:
    figure = plot_after(sensitivity(frame))
    on_source, on_targets = figure.axes
    for axis, targets in ((on_source, ["en"]), (on_targets, ["de", "fr"])):
        drawn = lines(axis)
        assert set(drawn) == {"rewind", "re-randomised"}
        names = {"rewind": "reset({}, to=pretrained)@after", "re-randomised": "reset({})@after"}
        for label, name in names.items():
            expected = [change(frame, name.format(layer), targets) for layer in range(4)]
            assert drawn[label] == pytest.approx(expected)
    assert on_source.get_ylim() == on_targets.get_ylim()
    assert on_source.get_title() == "UPOS on en (source), after fine-tuning"
    assert on_targets.get_title() == "UPOS on the mean of 2 targets, after fine-tuning"


def test_bands_are_the_intervals_turned_round(frame: pd.DataFrame) -> None:
    effect = sensitivity(frame)
    (first, _) = plot_after(effect).axes[0].collections
    rows = effect[(effect["sweep"] == "reset(to=pretrained)@after") & (effect["quantity"] == "source_drop")]
    heights = np.asarray(first.get_paths()[0].vertices)[:, 1]
    assert heights.min() == pytest.approx(-100 * rows["high"].max())
    assert heights.max() == pytest.approx(-100 * rows["low"].min())


def test_a_window_stands_at_its_middle_and_embeddings_below_layer_0(synthetic: Make) -> None:
    wide = synthetic(n_layers=4, size=2, phase="after", targets=("de",))
    effect = sensitivity(wide)
    axis = plot_after(effect).axes[0]
    assert list(np.asarray(axis.get_lines()[1].get_xdata())) == [0.5, 2.5]
    lowest = effect["first_layer"] == 0
    moved = effect.assign(**{name: effect[name].where(~lowest, -1) for name in ("first_layer", "last_layer")})
    axis = plot_after(moved.assign(layers=effect["layers"].where(~lowest, "embeddings"))).axes[-1]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["emb", "0", "1", "2", "3"]


def test_one_sweep_is_left_to_its_own_figure(frame: pd.DataFrame) -> None:
    (drawing,) = AFTER.find(Material(frame))
    assert drawing.name == "after-upos-en"
    assert "2 interventions on the fine-tuned encoder (rewind / re-randomised)" in drawing.words
    one = frame[~frame["ablation"].str.contains("to=pretrained")]
    assert list(AFTER.find(Material(one))) == []


def test_what_can_not_be_drawn_is_refused(frame: pd.DataFrame, synthetic: Make) -> None:
    with pytest.raises(RecordsError, match="there is no sweep of interventions after fine-tuning"):
        plot_after(sensitivity(frame[frame["phase"] != "after"]))
    two = sensitivity(synthetic(n_layers=4, phase="after", targets=("de",), models=("a", "b")))
    with pytest.raises(RecordsError, match="shows one setting, and the records have 2"):
        plot_after(two)
