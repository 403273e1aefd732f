"""The gallery holds every figure that the records have data for, and says what is missing for the others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from layerlab.analysis.records.tidy import empty_records, validate_records
from layerlab.errors import RecordsError
from layerlab.report.figures.figure import Drawing
from layerlab.report.figures.gallery import available, draw_all, drawings, known_figures, list_figures
from layerlab.report.page.study_report import write_report
from tests.fixtures.drawn_text import overlapping

Make = Callable[..., pd.DataFrame]


def found_in(frame: pd.DataFrame) -> list[Drawing]:
    return [drawing for _, drawing in drawings(frame)]


def test_a_sweep_has_its_three_figures_and_no_other(synthetic: Make) -> None:
    found = found_in(synthetic(targets=("de", "fr")))
    assert [drawing.name for drawing in found] == [
        f"{kind}-upos-en-reset-before" for kind in ("sensitivity", "targets", "heatmap")
    ]
    assert found[0].title == "Cost by layers: UPOS from en, RANDOM-INIT before fine-tuning"
    assert "the mean of 2 zero-shot targets" in found[0].words
    assert "n = 3 seeds, bands are 95% t intervals over seeds" in found[0].words


def test_with_measures_there_are_figures_of_them_with_words_and_names_of_their_own(measured: Make) -> None:
    frame = measured(models=("a", "b"), targets=("de", "fr", "ru"), n_layers=2, measures=("cka",))
    found = found_in(frame)
    kinds = {drawing.name.split("-")[0] for drawing in found}
    assert kinds == {"sensitivity", "targets", "heatmap", "similarity", "gap", "change", "drift"}
    assert len({drawing.name for drawing in found}) == len(found)
    for drawing in found:
        assert drawing.words.endswith(".")
        assert drawing.title[0].isupper()
        assert drawing.draw().axes
        assert "seed" in drawing.words


def test_probes_are_drawn_where_there_are_some(synthetic: Make) -> None:
    frame = synthetic(n_layers=2, targets=("de",))
    own = frame[frame["ablation"] == "none"]
    probes = own.assign(ablation="probe", run_id="probe-" + own["run_id"])
    probes = pd.concat([probes.assign(layer=layer) for layer in range(3)])
    both = validate_records(pd.concat([frame, probes]))
    assert [drawing.name for _, drawing in drawings(both, figures=["probes"])] == ["probes-upos"]
    assert not available(frame)["probes"]
    effects = [drawing.name for drawing in found_in(both)]
    assert effects[0].startswith("sensitivity")
    assert len(effects) == 4


def test_a_metric_is_chosen_for_scores_and_does_not_hide_measures(measured: Make) -> None:
    frame = measured(targets=("de", "fr", "ru"), n_layers=2, seeds=(0, 1), measures=("cka",))
    names = [drawing.name for _, drawing in drawings(frame, metric="accuracy")]
    assert names == [drawing.name for drawing in found_in(frame)]
    with pytest.raises(RecordsError, match="unknown metric 'f1'"):
        list(drawings(frame, metric="f1"))


def test_names_of_files_are_never_alike(synthetic: Make) -> None:
    frame = synthetic(n_layers=2, seeds=(0,), targets=("de",), models=("a/b", "a-b"))
    assert [drawing.name for _, drawing in drawings(frame, figures=["heatmap"])] == [
        "heatmap-upos-en-reset-before-a-b", "heatmap-upos-en-reset-before-a-b-2",
    ]  # fmt: skip


def test_what_there_is_to_draw_is_found_without_drawing(
    measured: Make, synthetic: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a figure was drawn")

    monkeypatch.setattr(Figure, "__init__", refuse)
    frames = [
        measured(targets=("de", "fr", "ru"), n_layers=2, size=1, measures=("cka",)),
        synthetic(study="freeze", targets=("de",)),
        synthetic(study="swap", targets=("de", "ru")),
    ]
    for frame in frames:
        assert "no data" in list_figures(frame)
        assert len(found_in(frame)) > 2
        with pytest.raises(AssertionError, match="a figure was drawn"):
            found_in(frame)[0].draw()


def test_an_unknown_figure_gets_the_known_ones_and_those_with_data(synthetic: Make) -> None:
    with pytest.raises(RecordsError, match="unknown figure 'heatmp'; did you mean 'heatmap'") as caught:
        drawings(synthetic(n_layers=2), figures=["heatmp"])
    assert "data for: sensitivity, targets, heatmap" in str(caught.value)


def test_a_figure_that_was_asked_for_and_has_no_data_is_an_error(synthetic: Make) -> None:
    with pytest.raises(RecordsError, match="no data for the figure 'swaps', which needs the baseline and"):
        list(drawings(synthetic(n_layers=2), figures=["swaps"]))


def test_records_without_ablations_or_measures_have_no_figure(synthetic: Make, tmp_path: Path) -> None:
    frame = synthetic(n_layers=2)
    baseline = frame[frame["ablation"] == "none"]
    for nothing in (baseline, empty_records()):
        assert list(drawings(nothing)) == []
        assert not any(available(nothing).values())
        with pytest.raises(RecordsError, match="there is no effect to show and no measure"):
            draw_all(nothing, tmp_path / "figures")
    written = [path.name for path in write_report(baseline, tmp_path)]
    assert written == ["index.html", "scores.csv", "scores.md", "scores.tex"]


def test_the_list_says_what_is_missing(synthetic: Make) -> None:
    lines = list_figures(synthetic(n_layers=2)).splitlines()
    assert [line.split()[0] for line in lines] == [figure.name for figure in known_figures()]
    assert "no data" not in lines[0]
    assert any(line.endswith("(no data: needs the measure 'drift')") for line in lines)


def test_measures_are_drawn_for_a_study_without_ablations(measured: Make, tmp_path: Path) -> None:
    frame = measured(targets=("de", "fr", "ru"), n_layers=2, measures=("cka",))
    frame = frame[frame["ablation"] == "none"]
    stems = {path.stem for path in draw_all(frame, tmp_path)}
    assert stems == {
        "similarity-upos-en-cka", "gap-upos-en-cka",
        "change-upos-en-change-cka", "drift-upos-en",
    }  # fmt: skip


def test_drawing_needs_no_torch() -> None:
    program = (
        "import sys, layerlab.report.figures.gallery\n"
        "assert not {'torch', 'transformers'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_no_text_of_a_figure_covers_another_or_leaves_it(measured: Make, synthetic: Make) -> None:
    frames = [
        measured(targets=("de", "fr", "ru"), n_layers=12, size=1, seeds=(0,), measures=("cka",)),
        synthetic(study="freeze", targets=("de",), seeds=(0,)),
        synthetic(study="swap", targets=("de", "ru"), seeds=(0,)),
    ]
    for frame in frames:
        for drawing in found_in(frame):
            assert overlapping(drawing.draw()) == [], drawing.name
