"""The figures of probes show the records' values and nothing else, legibly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from scipy import stats

from layerlab.analysis.records.tidy import empty_records, validate_records
from layerlab.errors import RecordsError
from layerlab.report.figures.gallery import draw_all, drawings
from layerlab.report.figures.layers.probes import plot_probes, probe_rows
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH, SOURCE_COLOUR, figure_style


def records_of(
    models: tuple[str, ...] = ("mbert",),
    tasks: dict[str, str] | None = None,
    targets: tuple[str, ...] = ("de", "fr"),
    seeds: tuple[int, ...] = (0, 1, 2),
    n_layers: int = 12,
    ablation: str = "probe",
) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = [
        {
            "study": "probes", "run_id": f"{model}-{task}-{seed}-{ablation}", "fit_id": "", "model": model,
            "task": task, "ablation": ablation, "phase": "none", "intervention": "none", "layers": "",
            "first_layer": None, "last_layer": None, "source": "en", "target": target, "split": "test",
            "seed": seed, "metric": metric, "layer": layer, "n": 900,
            "value": 0.9 - 0.1 * t - 0.002 * (layer - 6) ** 2 + 0.01 * rng.random(),
        }
        for model in models
        for task, main in (tasks or {"upos": "accuracy"}).items()
        for metric in (main, "other")
        for seed in seeds
        for t, target in enumerate(("en", *targets))
        for layer in range(n_layers + 1)
    ]  # fmt: skip
    return validate_records(pd.DataFrame(rows))


def curves(axis: Axes) -> dict[str, list[float]]:
    return {str(line.get_label()): list(np.asarray(line.get_ydata(), float)) for line in axis.get_lines()}


def test_curves_are_means_over_seeds_in_percent() -> None:
    frame = records_of()
    figure = plot_probes(frame)
    (axis,) = figure.axes
    drawn = curves(axis)
    rows = frame[frame["metric"] == "accuracy"]
    for target, label in (("en", "en (source)"), ("de", "de"), ("fr", "fr")):
        expected = 100 * rows[rows["target"] == target].groupby("layer")["value"].mean()
        assert drawn[label] == pytest.approx(list(expected))
    mean = 100 * rows[rows["target"] != "en"].groupby("layer")["value"].mean()
    assert drawn["mean"] == pytest.approx(list(mean))
    assert set(drawn) == {"en (source)", "mean", "de", "fr"}
    assert (axis.get_title(), axis.get_xlabel()) == ("mbert, UPOS from en", "layers passed")
    assert axis.get_ylabel() == "accuracy (%)"
    assert figure.get_size_inches()[0] == COLUMN_WIDTH


def test_the_source_and_the_mean_are_bold_and_targets_are_thin() -> None:
    (axis,) = plot_probes(records_of()).axes
    widths = {str(line.get_label()): line.get_linewidth() for line in axis.get_lines()}
    assert widths["en (source)"] == widths["mean"] > 2 * widths["de"]
    colours = {str(line.get_label()): line.get_color() for line in axis.get_lines()}
    assert colours["en (source)"] == SOURCE_COLOUR
    assert len(set(colours.values())) == 4


def test_the_band_is_the_t_interval_of_the_mean_over_seeds() -> None:
    frame = records_of(n_layers=3)
    (axis,) = plot_probes(frame).axes
    bands = [band for band in axis.collections if isinstance(band, PolyCollection)]
    rows = frame[(frame["metric"] == "accuracy") & (frame["target"] != "en") & (frame["layer"] == 2)]
    by_seed = 100 * rows.groupby("seed")["value"].mean()
    low, high = stats.t.interval(0.95, 2, by_seed.mean(), stats.sem(by_seed))
    corners = np.asarray(bands[1].get_paths()[0].vertices, float)
    at_two = sorted(set(corners[corners[:, 0] == 2][:, 1]))
    assert at_two == pytest.approx([low, high])
    (alone,) = plot_probes(records_of(seeds=(0,))).axes
    assert not alone.collections


def test_models_stand_side_by_side_on_one_scale() -> None:
    figure = plot_probes(records_of(models=("before", "after")))
    before, after = figure.axes
    assert (before.get_title(), after.get_title()) == ("before, UPOS from en", "after, UPOS from en")
    assert before.get_ylim() == after.get_ylim()
    assert (bool(before.get_ylabel()), bool(after.get_ylabel())) == (True, False)
    assert figure.get_size_inches()[0] == FULL_WIDTH


def test_tasks_have_panels_of_their_own_metric() -> None:
    frame = records_of(tasks={"upos": "accuracy", "ner": "span_f1"})
    figure = plot_probes(frame)
    assert {axis.get_title() for axis in figure.axes} == {"mbert, UPOS from en", "mbert, NER from en"}
    assert figure.axes[0].get_ylabel() == "score (%)"
    assert set(probe_rows(frame)["metric"]) == {"accuracy", "span_f1"}


def test_a_seed_that_lacks_a_target_is_not_in_the_mean() -> None:
    frame = records_of()
    short = frame[~((frame["seed"] == 2) & (frame["target"] == "de"))]
    drawn = curves(plot_probes(short).axes[0])
    assert drawn["mean"] == curves(plot_probes(frame[frame["seed"] < 2]).axes[0])["mean"]


def test_only_rows_of_probes_are_drawn() -> None:
    frame = records_of()
    rows = records_of(ablation="none").to_dict("records")
    scores = [{**row, "layer": None} for row in rows if row["layer"] == 0]
    mixed = pd.concat([frame, validate_records(pd.DataFrame(scores))], ignore_index=True)
    assert curves(plot_probes(mixed).axes[0]) == curves(plot_probes(frame).axes[0])


def test_every_text_lies_inside_the_figure() -> None:
    many = tuple(f"l{index}" for index in range(18))
    figure = plot_probes(records_of(targets=many, n_layers=24))
    with figure_style():
        figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [axis.get_tightbbox() for axis in figure.axes] + [
        box.get_window_extent() for box in figure.legends
    ]
    for box in boxes:
        assert box is not None
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= width + 1
        assert box.y1 <= height + 1


def test_each_task_has_a_file(tmp_path: Path) -> None:
    paths = draw_all(records_of(tasks={"upos": "accuracy", "ner": "span_f1"}), tmp_path)
    assert sorted(path.name for path in paths) == ["probes-ner.pdf", "probes-upos.pdf"]
    assert all(path.stat().st_size > 1000 for path in paths)


def test_more_models_than_a_page_holds_make_several_files() -> None:
    frame = records_of(models=tuple("abcdefghijklm"), seeds=(0,), n_layers=2)
    (_, first), (_, second) = drawings(frame)
    assert (first.name, second.name) == ("probes-upos", "probes-upos-2")
    assert [len(drawing.draw().axes) for drawing in (first, second)] == [12, 1]


def test_what_can_not_be_drawn_is_refused() -> None:
    frame = records_of()
    with pytest.raises(RecordsError, match="no rows with the ablation 'probe'"):
        plot_probes(empty_records())
    with pytest.raises(RecordsError, match="unknown metric 'acuracy'; did you mean 'accuracy'"):
        plot_probes(frame, "acuracy")
    with pytest.raises(RecordsError, match="lack the columns layer, n"):
        plot_probes(frame.drop(columns=["layer", "n"]))
    twice = pd.concat([frame, frame.assign(run_id="another")])
    with pytest.raises(RecordsError, match="mbert has upos of en from en at layer 0, seed 0, twice"):
        plot_probes(twice)


def test_drawing_needs_no_torch() -> None:
    program = (
        "import sys, layerlab.report.figures.layers.probes\n"
        "assert not {'torch', 'transformers'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
