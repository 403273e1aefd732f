"""The figures of alignment show the frame's values and nothing else, legibly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from layerlab.analysis.records.measured import complete_measured
from layerlab.analysis.records.tidy import load_records, validate_records, write_records
from layerlab.errors import RecordsError
from layerlab.report.figures.gallery import draw_all, drawings
from layerlab.report.figures.layers.alignment import plot_alignment, plot_models
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH


def frame_of(models: tuple[str, ...], targets: tuple[str, ...], n_layers: int = 12) -> pd.DataFrame:
    rows = [
        (model, "en", target, layer, measure, (m + 1) * (t + 1) * layer / 100 + 0.1, 200)
        for m, model in enumerate(models)
        for t, target in enumerate(targets)
        for layer in range(n_layers + 1)
        for measure in ("cka", "retrieval", "retrieval_forward", "retrieval_backward")
    ]
    names = ["model", "source", "target", "layer", "metric", "value", "n"]
    return validate_records(complete_measured(pd.DataFrame(rows, columns=names)))


def curves(axis: Axes) -> dict[str, list[float]]:
    return {str(line.get_label()): list(np.asarray(line.get_ydata(), float)) for line in axis.get_lines()}


def test_curves_are_the_values_and_the_mean_is_their_mean() -> None:
    frame = frame_of(("mbert",), ("de", "fr"))
    figure = plot_alignment(frame)
    (axis,) = figure.axes
    drawn = curves(axis)
    rows = frame[frame["metric"] == "cka"]
    for target in ("de", "fr"):
        assert drawn[target] == list(rows[rows["target"] == target]["value"])
    assert drawn["mean"] == pytest.approx(list(rows.groupby("layer")["value"].mean()))
    assert axis.get_ylabel() == "CKA (linear, debiased)"
    assert axis.get_xlabel() == "layers passed"
    assert figure.get_size_inches()[0] == COLUMN_WIDTH
    (box,) = figure.legends
    assert [text.get_text() for text in box.get_texts()] == ["de", "fr", "mean"]


def test_each_model_has_a_panel_on_one_scale() -> None:
    figure = plot_alignment(frame_of(("before", "after"), ("de", "fr")), "retrieval")
    before, after = figure.axes
    assert (before.get_title(), after.get_title()) == ("before", "after")
    assert before.get_ylim() == after.get_ylim()
    assert curves(after)["de"] == pytest.approx([2 * layer / 100 + 0.1 for layer in range(13)])
    assert curves(after)["chance"][0] == pytest.approx(1 / 200)
    assert figure.get_size_inches()[0] == FULL_WIDTH


def test_models_are_compared_by_their_mean_over_the_same_pairs() -> None:
    frame = frame_of(("before", "after"), ("de", "fr"))
    drawn = curves(plot_models(frame).axes[0])
    assert drawn["before"] == pytest.approx([1.5 * layer / 100 + 0.1 for layer in range(13)])
    assert drawn["after"] == pytest.approx([3 * layer / 100 + 0.1 for layer in range(13)])
    uneven = frame[(frame["model"] == "before") | (frame["target"] == "de")]
    with pytest.raises(RecordsError, match="before: de, fr; after: de"):
        plot_models(uneven)


def test_deep_models_and_many_languages_stay_legible() -> None:
    names = tuple(f"l{i}" for i in range(20))
    figure = plot_alignment(frame_of(("deep",), names, n_layers=24))
    (axis,) = figure.axes
    assert len(axis.get_xticks()) <= 14
    assert all(line.get_marker() in ("", "None") for line in axis.get_lines())
    looks = {(str(line.get_color()), str(line.get_linestyle())) for line in axis.get_lines()}
    assert len({colour for colour, _ in looks}) == 9  # seven of the lines, the mean's and that of zero


def test_all_figures_are_written_and_as_png_on_request(tmp_path: Path) -> None:
    paths = draw_all(frame_of(("before", "after"), ("de", "fr")), tmp_path, formats=("pdf", "png"))
    stems = ("cka-by-layer", "cka-models", "retrieval-by-layer", "retrieval-models")
    assert [path.name for path in paths] == [f"{stem}.{kind}" for stem in stems for kind in ("pdf", "png")]
    assert imread(tmp_path / "cka-models.png").shape[1] == pytest.approx(300 * COLUMN_WIDTH, abs=2)
    one = draw_all(frame_of(("only",), ("de",)), tmp_path / "one")
    assert [path.name for path in one] == ["cka-by-layer.pdf", "retrieval-by-layer.pdf"]


def test_more_models_than_a_page_holds_make_several_files() -> None:
    found = [drawing for _, drawing in drawings(frame_of(tuple("abcdefghijklm"), ("de",), n_layers=2))]
    names = [drawing.name for drawing in found]
    assert names[:3] == ["cka-by-layer", "cka-by-layer-2", "cka-models"]
    assert [len(drawing.draw().axes) for drawing in found[:2]] == [12, 1]


def test_what_can_not_be_drawn_is_refused() -> None:
    frame = frame_of(("mbert",), ("de",))
    with pytest.raises(RecordsError, match="unknown measure 'cca'; did you mean 'cka'"):
        plot_alignment(frame, "cca")
    with pytest.raises(RecordsError, match="lacks layer, n"):
        plot_alignment(frame.drop(columns=["layer", "n"]))
    with pytest.raises(RecordsError, match="has no rows"):
        plot_alignment(frame.iloc[:0])
    with pytest.raises(RecordsError, match="mbert has en-de at layer 0 twice"):
        plot_alignment(pd.concat([frame, frame]))


def test_a_frame_that_was_written_before_it_was_records_is_read_and_drawn(tmp_path: Path) -> None:
    frame = frame_of(("mbert",), ("de", "nan"))
    old = frame.rename(columns={"metric": "measure"})
    old = old[["model", "source", "target", "layer", "measure", "value", "n"]]
    old.to_csv(tmp_path / "old.csv", index=False)
    pd.testing.assert_frame_equal(load_records(tmp_path / "old.csv"), frame)
    pd.testing.assert_frame_equal(
        load_records(write_records(old, tmp_path / "new.csv")),
        load_records(write_records(frame, tmp_path / "same.csv")),
    )
    assert curves(plot_alignment(old).axes[0]) == curves(plot_alignment(frame).axes[0])


def test_drawing_needs_no_torch() -> None:
    program = (
        "import sys, layerlab.report.figures.layers.alignment\n"
        "assert not {'torch', 'transformers'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
