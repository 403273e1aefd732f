"""The figure of transfer against overlap has a panel a task and a point a model and target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from layerlab.analysis.transfer.overlap import mean_points, overlap_points
from layerlab.errors import RecordsError
from layerlab.report.figures.gallery import draw_all, drawings
from layerlab.report.figures.transfer.overlap import plot_overlap

Make = Callable[..., pd.DataFrame]
LANGUAGES = ("de", "fr", "ru", "fi", "ja", "hi")


def curves(figure: Figure, panel: int) -> dict[str, np.ndarray]:
    """Return the means of a panel by label, ``(points, 2)``."""
    handles, labels = figure.axes[panel].get_legend_handles_labels()
    lines = (handle for handle in handles if isinstance(handle, Line2D))
    return {label: np.asarray(line.get_xydata()) for label, line in zip(labels, lines, strict=True)}


def names(figure: Figure, panel: int) -> list[str]:
    return [text.get_text() for text in figure.axes[panel].texts]


def test_points_are_those_of_the_analysis_in_percent(overlapping: Make) -> None:
    frame = overlapping()
    figure = plot_overlap(frame)
    points = mean_points(overlap_points(frame))
    for panel, task in enumerate(("upos", "ner")):
        for target, drawn in curves(figure, panel).items():
            part = points[(points["task"] == task) & (points["target"] == target)]
            assert drawn == pytest.approx(100 * part[["shared", "score"]].to_numpy(dtype=float))
    lines = [item for item in figure.axes[0].collections if isinstance(item, LineCollection)]
    assert [len(item.get_segments()) for item in lines] == [6 * 3, 6 * 3]
    assert [axis.get_ylabel() for axis in figure.axes] == ["accuracy (%)", "span F1 (%)"]
    assert {axis.get_xlabel() for axis in figure.axes} == {"shared tokens (%)"}
    assert figure.axes[0].get_title() == "UPOS from en\nrho 1.00 de, 1.00 fr"


def test_points_have_the_colour_of_the_fewer_and_the_names_of_the_more(overlapping: Make) -> None:
    encoders = plot_overlap(overlapping())
    assert set(curves(encoders, 0)) == {"de", "fr"}
    assert sorted(names(encoders, 0)) == sorted(2 * ["joint", "separate", "half", "quarter", "none", "extra"])
    languages = plot_overlap(overlapping(models=("joint", "none"), targets=LANGUAGES))
    assert set(curves(languages, 0)) == {"joint", "none"}
    assert sorted(names(languages, 0)) == sorted(2 * LANGUAGES)
    alone = plot_overlap(overlapping(models=("joint",), targets=LANGUAGES))
    assert sorted(names(alone, 0)) == sorted(LANGUAGES)
    assert not alone.legends
    assert {text.get_color() for text in alone.axes[0].texts} == {"black"}


def test_a_few_long_names_are_a_legend(overlapping: Make) -> None:
    frame = overlapping(targets=("de",))
    frame["model"] = "a vocabulary that is " + frame["model"]
    figure = plot_overlap(frame)
    assert set(curves(figure, 0)) == set(frame["model"])
    assert names(figure, 0) == []
    ((_, drawing),) = drawings(frame, figures=["overlap"])
    assert drawing.words.startswith("Zero-shot scores on de against shared tokens")
    assert "Each point is one of 6 models; n = 3 seeds" in drawing.words
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == set(frame["model"])


def test_no_name_covers_another(overlapping: Make) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = plot_overlap(overlapping())
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    for axis in figure.axes:
        boxes = [text.get_window_extent(canvas.get_renderer()) for text in axis.texts]
        pairs = [(one, other) for n, one in enumerate(boxes) for other in boxes[:n]]
        assert not any(one.shrunk(0.9, 0.8).overlaps(other.shrunk(0.9, 0.8)) for one, other in pairs)


def test_it_is_drawn_from_records_alone_and_says_what_it_shows(overlapping: Make, tmp_path: Path) -> None:
    frame = overlapping()
    (drawing,) = [one for _, one in drawings(frame, figures=["overlap"])]
    assert drawing.name == "overlap-en"
    assert drawing.words == (
        "Zero-shot scores on 2 targets against shared tokens: of the word-pieces of a target's test text, "
        "repetitions counted, the percentage that the training text in en has too. Each point is a target of "
        "one of 6 models; n = 3 seeds, of which points are means; lines lead to the seeds. rho is Spearman's "
        "over models, for each target."
    )
    (path,) = draw_all(frame, tmp_path, figures=("overlap",))
    assert path.read_bytes().startswith(b"%PDF")


def test_too_few_points_or_two_sources_are_refused(overlapping: Make) -> None:
    frame = overlapping()
    with pytest.raises(RecordsError, match=r"a panel needs overlaps \(nodes: \{overlap: \{\}\}\)"):
        plot_overlap(frame[frame["split"] == "test"])
    with pytest.raises(RecordsError, match="scores of three models and targets or more"):
        plot_overlap(frame[frame["model"] == "joint"])
    other = frame.assign(study="another", run_id="x" + frame["run_id"])
    with pytest.raises(RecordsError, match="a figure of overlap shows one setting, and the records have 2"):
        plot_overlap(pd.concat([frame, other]))
