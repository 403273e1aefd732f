from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.errors import RecordsError
from layerlab.report.figures.ablations.heatmap import plot_heatmap
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH

Make = Callable[..., pd.DataFrame]


def meshes(figure: Figure) -> list[QuadMesh]:
    return [mesh for mesh in figure.axes[0].collections if isinstance(mesh, QuadMesh)]


def row_labels(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_yticklabels()]


def test_source_targets_and_mean_are_apart_and_in_points(synthetic: Make) -> None:
    effect = sensitivity(synthetic(targets=("zh", "de")))
    figure = plot_heatmap(effect)
    assert row_labels(figure) == ["en (source)", "de", "zh", "mean"]
    own, targets, mean = (np.asarray(mesh.get_array()) for mesh in meshes(figure))
    assert (own.shape, targets.shape, mean.shape) == ((1, 6), (2, 6), (1, 6))
    drops = effect[(effect["quantity"] == "zero_shot_drop") & (effect["target"] == "zh")]
    assert targets[1] == pytest.approx(100 * drops.sort_values("first_layer")["effect"].to_numpy())
    assert mean[0] == pytest.approx(targets.mean(axis=0))
    ticks = figure.axes[0].get_yticks()
    assert ticks[1] - ticks[0] > 1
    assert ticks[3] - ticks[2] > 1


def test_colours_are_centred_at_zero_and_shared(synthetic: Make) -> None:
    figure = plot_heatmap(sensitivity(synthetic()))
    limits = {mesh.get_clim() for mesh in meshes(figure)}
    assert len(limits) == 1
    low, high = next(iter(limits))
    assert low == -high
    assert figure.axes[1].get_ylabel() == "drop (points)"


def test_numbers_stand_on_the_cells_and_can_be_read(synthetic: Make) -> None:
    figure = plot_heatmap(sensitivity(synthetic(largest=0.3)))
    texts = figure.axes[0].texts
    assert len(texts) == 9 * 6
    assert texts[6].get_text() == f"{np.asarray(meshes(figure)[1].get_array())[0, 0]:.1f}"
    assert {text.get_color() for text in texts} == {"white", "black"}
    assert all(float(text.get_fontsize()) >= 6.5 for text in texts)


@pytest.mark.parametrize(
    ("n_layers", "size", "width", "annotated"),
    [
        (6, 2, COLUMN_WIDTH, True),
        (12, 1, FULL_WIDTH, True),
        (24, 1, FULL_WIDTH, True),
        (48, 1, FULL_WIDTH, False),
    ],
)
def test_a_map_is_as_wide_as_its_numbers_need(
    synthetic: Make, n_layers: int, size: int, width: float, annotated: bool
) -> None:
    figure = plot_heatmap(sensitivity(synthetic(n_layers=n_layers, size=size, seeds=(0,))))
    assert figure.get_size_inches()[0] == width
    assert bool(figure.axes[0].texts) is annotated
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    first_row = boxes[: n_layers // size]
    assert all(a.x1 < b.x0 for a, b in pairwise(first_row))


@pytest.mark.parametrize(("study", "width"), [("swap", COLUMN_WIDTH), ("freeze", FULL_WIDTH)])
def test_ablations_with_names_have_columns_whose_labels_do_not_touch(
    synthetic: Make, study: str, width: float
) -> None:
    effect = sensitivity(synthetic(study=study))
    figure = plot_heatmap(effect)
    assert figure.get_size_inches()[0] == width
    labels = figure.axes[0].get_xticklabels()
    names = [text.get_text().replace("\n", " ") for text in labels]
    assert sorted(names) == sorted(set(effect["ablation"]))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in labels]  # type: ignore[no-untyped-call]
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
    assert all(box.y0 >= 0 for box in boxes)
    last = np.asarray(meshes(figure)[2].get_array())[0]
    mean = effect[(effect["quantity"] == "zero_shot_drop") & (effect["target"] == "mean")]
    assert last == pytest.approx(100 * mean.set_index("ablation")["effect"][names].to_numpy())


def test_the_gap_has_no_row_for_the_source(synthetic: Make) -> None:
    figure = plot_heatmap(sensitivity(synthetic()), "gap_change")
    assert row_labels(figure)[0] == "de"
    assert figure.axes[1].get_ylabel() == "gap change (points)"


def test_windows_that_were_not_run_stay_empty(synthetic: Make) -> None:
    effect = sensitivity(synthetic(targets=("de", "fr")))
    effect = effect[~((effect["layers"] == "2-3") & (effect["target"] == "fr"))]
    figure = plot_heatmap(effect)
    assert np.ma.getmaskarray(np.ma.asarray(meshes(figure)[1].get_array())).sum() == 1
    assert "-" in {text.get_text() for text in figure.axes[0].texts}


def test_an_ablation_without_any_effect_is_drawn(synthetic: Make) -> None:
    effect = sensitivity(synthetic(seeds=(0,)))
    figure = plot_heatmap(effect.assign(effect=0.0))
    assert {text.get_text() for text in figure.axes[0].texts} == {"0.0"}


def test_without_targets_there_is_no_map(synthetic: Make) -> None:
    effect = sensitivity(synthetic(n_layers=2, targets=()))
    with pytest.raises(RecordsError, match="no target but the source"):
        plot_heatmap(effect)


def test_several_panels_are_refused(synthetic: Make) -> None:
    with pytest.raises(RecordsError, match="a heatmap shows one panel"):
        plot_heatmap(sensitivity(synthetic(n_layers=2, models=("a", "b"))))
