from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from layerlab.analysis.effects.sensitivity import paired, sensitivity
from layerlab.analysis.records.tidy import empty_records
from layerlab.errors import RecordsError
from layerlab.report.figures.ablations.heatmap import plot_heatmap
from layerlab.report.figures.ablations.sensitivity import plot_drops_by_seed, plot_sensitivity
from layerlab.report.figures.ablations.targets import plot_targets
from layerlab.report.figures.gallery import draw_all
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH, line_style
from tests.fixtures.drawn_text import overlapping

Make = Callable[..., pd.DataFrame]


def lines(axis: Axes) -> dict[str, list[float]]:
    """The drawn curves by label."""
    found = {str(line.get_label()): np.asarray(line.get_ydata(), dtype=float) for line in axis.get_lines()}
    return {label: list(values) for label, values in found.items() if not label.startswith("_")}


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for box in figure.legends for text in box.get_texts()]


def test_curves_show_the_effects_in_points_in_the_order_of_the_layers(synthetic: Make) -> None:
    effect = sensitivity(synthetic()).sample(frac=1, random_state=0)
    figure = plot_sensitivity(effect)
    (axis,) = figure.axes
    order = ["0-1", "2-3", "4-5", "6-7", "8-9", "10-11"]
    assert [text.get_text() for text in axis.get_xticklabels()] == order
    for label, quantity, target in (
        ("en (source)", "source_drop", "en"),
        ("zero-shot, mean of 7 targets", "zero_shot_drop", "mean"),
        ("change of the gap", "gap_change", "mean"),
    ):
        rows = effect[(effect["quantity"] == quantity) & (effect["target"] == target)].set_index("layers")
        assert lines(axis)[label] == pytest.approx([100 * rows["effect"][layers] for layers in order])
    assert len(axis.collections) == 3
    heights = np.asarray(axis.collections[0].get_paths()[0].vertices)
    mean = effect[(effect["quantity"] == "zero_shot_drop") & (effect["target"] == "mean")]
    assert heights[:, 1].max() == pytest.approx(100 * mean["high"].max())
    assert axis.get_ylabel() == "drop from baseline (points)"
    assert axis.get_xlabel() == "layers"
    assert axis.get_title() == "UPOS from en, RANDOM-INIT before fine-tuning"
    assert sorted(legend(figure)) == ["change of the gap", "en (source)", "zero-shot, mean of 7 targets"]


def test_the_same_figures_are_drawn_in_log_odds(synthetic: Make) -> None:
    effect = sensitivity(synthetic(n_layers=4, targets=("de", "fr")), scale="log-odds")
    (axis,) = plot_sensitivity(effect).axes
    assert axis.get_ylabel() == "drop from baseline (log-odds)"
    rows = effect[(effect["quantity"] == "source_drop")].set_index("layers")
    assert lines(axis)["en (source)"] == pytest.approx([rows["effect"][layers] for layers in ("0-1", "2-3")])
    (axis,) = plot_targets(effect).axes
    rows = effect[(effect["quantity"] == "zero_shot_drop") & (effect["target"] == "de")].set_index("layers")
    assert lines(axis)["de"] == pytest.approx([rows["effect"][layers] for layers in ("0-1", "2-3")])
    heatmap = plot_heatmap(effect)
    written = {text.get_text() for text in heatmap.axes[0].texts}
    assert f"{rows['effect']['0-1']:.2f}" in written
    with pytest.raises(RecordsError, match=r"several scales \(log-odds, points\) cannot be shown together"):
        plot_sensitivity(pd.concat([effect, effect.assign(scale="points")]))


def test_one_seed_has_no_band(synthetic: Make) -> None:
    (axis,) = plot_sensitivity(sensitivity(synthetic(seeds=(0,)))).axes
    assert len(axis.collections) == 0


def test_one_panel_is_a_column_wide_and_several_share_the_page_and_the_scale(synthetic: Make) -> None:
    effect = sensitivity(synthetic(n_layers=4, models=("a", "b", "c"), tasks=("upos", "ner")))
    one = plot_sensitivity(effect[(effect["model"] == "a") & (effect["task"] == "ner")])
    assert one.get_size_inches()[0] == COLUMN_WIDTH
    figure = plot_sensitivity(effect)
    assert figure.get_size_inches()[0] == FULL_WIDTH
    assert len(figure.axes) == 6
    assert len({axis.get_ylim() for axis in figure.axes}) == 1
    assert len(figure.legends) == 1
    assert figure.axes[3].get_title() == "b\nNER from en,\nRANDOM-INIT before fine-tuning"


def test_two_phases_are_two_panels(synthetic: Make) -> None:
    both = pd.concat([synthetic(n_layers=4), synthetic(n_layers=4, phase="after", options=", to=pretrained")])
    figure = plot_sensitivity(sensitivity(both.drop_duplicates(["run_id", "target"])))
    assert [axis.get_title().replace("\n", " ").split(", ", 1)[1] for axis in figure.axes] == [
        "RANDOM-INIT before fine-tuning", "rewind after fine-tuning",
    ]  # fmt: skip


def test_more_panels_than_a_page_holds_are_refused(synthetic: Make) -> None:
    effect = sensitivity(synthetic(n_layers=2, seeds=(0,), targets=("de",), models=tuple("abcdefghijklm")))
    with pytest.raises(RecordsError, match="13 panels do not fit a page"):
        plot_sensitivity(effect)


def test_curves_of_targets_leave_out_the_source(synthetic: Make) -> None:
    figure = plot_targets(sensitivity(synthetic()))
    assert legend(figure) == ["de", "es", "fr", "hi", "ja", "ru", "zh", "mean"]
    drawn = lines(figure.axes[0])
    targets = [drawn[name] for name in legend(figure)[:-1]]
    assert drawn["mean"] == pytest.approx(list(np.mean(targets, axis=0)))


def test_a_single_target_is_not_hidden_by_its_mean(synthetic: Make) -> None:
    effect = sensitivity(synthetic(n_layers=4, targets=("de",)))
    assert legend(plot_targets(effect)) == ["de"]
    assert "zero-shot, de" in legend(plot_sensitivity(effect))


@pytest.mark.parametrize("study", ["freeze", "swap"])
def test_ablations_with_names_are_dots_with_bars_and_no_line(synthetic: Make, study: str) -> None:
    effect = sensitivity(synthetic(study=study))
    for figure in (plot_sensitivity(effect), plot_targets(effect)):
        (axis,) = figure.axes
        dots = [line for line in axis.get_lines() if not str(line.get_label()).startswith("_")]
        assert {line.get_linestyle() for line in dots} == {"None"}
        assert {line.get_marker() for line in dots}.isdisjoint({"", "None"})
        names = [text.get_text().replace("\n", " ") for text in axis.get_xticklabels()]
        assert sorted(names) == sorted(set(effect["ablation"]))
        assert axis.get_xlabel() == ""
    bars = plot_sensitivity(effect).axes[0].collections
    mean = effect[(effect["quantity"] == "zero_shot_drop") & (effect["target"] == "mean")]
    tops = [float(np.asarray(path.vertices)[:, 1].max()) for path in bars[0].get_paths()]
    assert sorted(tops) == pytest.approx(sorted(100 * mean["high"]))


def test_a_window_by_itself_has_bars(synthetic: Make) -> None:
    (axis,) = plot_sensitivity(sensitivity(synthetic(n_layers=2))).axes
    assert {type(collection).__name__ for collection in axis.collections} == {"LineCollection"}


def test_twenty_one_lines_differ_in_colour_or_dashes() -> None:
    styles = [line_style(index) for index in range(21)]
    assert len({(style["color"], str(style["linestyle"])) for style in styles}) == 21


def test_dots_show_every_seed(synthetic: Make) -> None:
    pairs = paired(synthetic(seeds=(0, 4)))
    figure = plot_drops_by_seed(pairs)
    rows = pairs[(pairs["target"] == "mean") & (pairs["quantity"] == "zero_shot_drop") & (pairs["seed"] == 4)]
    drawn = lines(figure.axes[0])
    assert set(drawn) == {"seed 0", "seed 4"}
    assert drawn["seed 4"] == pytest.approx(list(100 * rows["effect"]))
    assert "mean of 7 targets" in figure.axes[0].get_ylabel()
    assert plot_drops_by_seed(pairs, "en").axes[0].get_ylabel() == "drop, en (points)"


@pytest.mark.parametrize("plot", [plot_sensitivity, plot_targets])
def test_nothing_to_draw_is_an_error(plot: Callable[[pd.DataFrame], Figure]) -> None:
    with pytest.raises(RecordsError, match="there is no effect to show"):
        plot(sensitivity(empty_records()))


def test_no_seeds_to_draw_is_an_error() -> None:
    with pytest.raises(RecordsError, match="there is no effect to show"):
        plot_drops_by_seed(paired(empty_records()))


@pytest.mark.parametrize(
    ("plot", "shape"),
    [
        (plot_sensitivity, {"n_layers": 24, "size": 1}),
        (plot_sensitivity, {"n_layers": 24}),
        (plot_sensitivity, {"models": ("bert-base-multilingual-cased", "xlm-roberta-base")}),
        (plot_targets, {"targets": tuple(f"l{index}" for index in range(17))}),
        (plot_targets, {"n_layers": 12, "size": 1, "sources": ("en", "ru", "de")}),
        (plot_sensitivity, {"study": "swap"}),
        (plot_targets, {"study": "freeze"}),
        (plot_sensitivity, {"study": "freeze", "models": ("bert-base-multilingual-cased", "xlm", "b")}),
    ],
    ids=[
        "24 layers",
        "12 windows",
        "two models",
        "17 targets",
        "three sources",
        "names",
        "long names",
        "long names in three panels",
    ],
)
def test_no_text_covers_another(
    synthetic: Make, plot: Callable[[pd.DataFrame], Figure], shape: dict[str, object]
) -> None:
    assert overlapping(plot(sensitivity(synthetic(**({"seeds": (0, 1)} | shape))))) == []


def test_all_figures_of_a_study_are_drawn(synthetic: Make, tmp_path: Path) -> None:
    frame = synthetic(n_layers=2, seeds=(0,), targets=("de", "fr"), tasks=("upos", "ner"))
    paths = draw_all(frame, tmp_path)
    assert {path.name for path in paths} == {
        f"{kind}-{task}-en-reset-before.pdf"
        for kind in ("sensitivity", "targets", "heatmap")
        for task in ("upos", "ner")
    }
    assert all(path.stat().st_size > 1000 for path in paths)


def test_a_study_of_the_source_alone_has_its_curve_only(synthetic: Make, tmp_path: Path) -> None:
    frame = synthetic(n_layers=2, seeds=(0,), targets=())
    assert {path.stem for path in draw_all(frame, tmp_path)} == {"sensitivity-upos-en-reset-before"}


def test_figures_and_tables_need_neither_torch_nor_transformers(synthetic: Make, tmp_path: Path) -> None:
    records = tmp_path / "records.csv"
    synthetic(n_layers=2, seeds=(0,)).to_csv(records, index=False)
    code = (
        "import sys\n"
        "from layerlab.analysis.records.tidy import load_records\n"
        "from layerlab.analysis.effects.sensitivity import sensitivity\n"
        "from layerlab.report.figures.ablations.heatmap import plot_heatmap\n"
        "from layerlab.report.style.saving import save_figure\n"
        "from layerlab.report.tables.formats.latex import to_latex\n"
        "from layerlab.report.tables.effects.paper import paper_table\n"
        f"effect = sensitivity(load_records({str(records)!r}))\n"
        f"save_figure(plot_heatmap(effect), {str(tmp_path / 'map')!r})\n"
        "to_latex(paper_table(effect))\n"
        "print([name for name in ('torch', 'transformers', 'matplotlib.pyplot') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert (tmp_path / "map.pdf").is_file()
