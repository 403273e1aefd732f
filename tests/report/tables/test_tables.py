from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.effects.sensitivity import EFFECT_COLUMNS, sensitivity
from layerlab.analysis.records.tidy import empty_records
from layerlab.analysis.significance.effects import significance
from layerlab.errors import RecordsError
from layerlab.report.style.style import shade
from layerlab.report.tables.effects.drops import drop_table
from layerlab.report.tables.effects.paper import paper_table
from layerlab.report.tables.formats.latex import escape, to_latex
from layerlab.report.tables.formats.markdown import to_markdown
from layerlab.report.tables.formats.text import render_table, to_csv
from layerlab.report.tables.layout import Table

Make = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def effect(synthetic: Make) -> pd.DataFrame:
    return sensitivity(synthetic(tasks=("upos", "ner"), sources=("en", "ru")))


def test_the_papers_table_has_two_rows_per_task_and_source(effect: pd.DataFrame) -> None:
    (section,) = paper_table(effect).sections
    assert section.names == ("task", "pair")
    assert section.columns == ("REF", "0-1", "2-3", "4-5", "6-7", "8-9", "10-11")
    assert [row.names for row in section.rows] == [
        ("UPOS", "en-en"), ("", "en-X"), ("UPOS", "ru-ru"), ("", "ru-X"),
        ("NER", "en-en"), ("", "en-X"), ("NER", "ru-ru"), ("", "ru-X"),
    ]  # fmt: skip
    assert section.title == "synthetic: mbert, RANDOM-INIT before fine-tuning"


def test_its_numbers_are_the_reference_and_the_differences_from_it_in_points(effect: pd.DataFrame) -> None:
    (section,) = paper_table(effect).sections
    chosen = effect[(effect["task"] == "upos") & (effect["source"] == "en") & (effect["target"] == "mean")]
    drops = chosen[chosen["quantity"] == "zero_shot_drop"].sort_values("first_layer")
    reference, *differences = section.rows[1].cells
    assert reference.value == pytest.approx(100 * drops["reference"].iloc[0])
    assert [cell.value for cell in differences] == pytest.approx(list(-100 * drops["effect"]))
    assert [cell.drop for cell in differences] == pytest.approx(list(100 * drops["effect"]))
    assert reference.drop is None


def test_records_are_taken_as_well_as_effects(synthetic: Make) -> None:
    records = synthetic(n_layers=4)
    assert paper_table(records) == paper_table(sensitivity(records))
    assert drop_table(records) == drop_table(sensitivity(records))


def test_models_and_sweeps_have_sections_with_windows_of_their_own(synthetic: Make) -> None:
    frames = [
        synthetic(n_layers=4, models=("small",)),
        synthetic(n_layers=6, models=("large",)),
        synthetic(n_layers=4, size=1, models=("small",), phase="after", options=", to=pretrained"),
    ]
    records = pd.concat(frames).drop_duplicates(["run_id", "target"])
    sections = {section.title: section.columns for section in paper_table(records).sections}
    assert sections == {
        "synthetic: small, RANDOM-INIT before fine-tuning": ("REF", "0-1", "2-3"),
        "synthetic: large, RANDOM-INIT before fine-tuning": ("REF", "0-1", "2-3", "4-5"),
        "synthetic: small, rewind after fine-tuning": ("REF", "0", "1", "2", "3"),
    }


def test_a_window_that_one_task_lacks_is_an_empty_cell(synthetic: Make) -> None:
    records = synthetic(n_layers=4, tasks=("upos", "ner"))
    records = records[~((records["task"] == "ner") & (records["layers"] == "2-3"))]
    text = to_markdown(paper_table(records))
    assert re.search(r"\| NER +\| en-en \| \d\d\.\d ±\d\.\d \| +-?\d+\.\d ±\d\.\d \| +- \|", text)
    assert "{--}" in to_latex(paper_table(records))


def test_the_note_says_what_was_tested(synthetic: Make) -> None:
    (section,) = paper_table(synthetic(seeds=(0, 1, 2), targets=("de", "fr"))).sections
    start = "REF = baseline score; all other numbers are differences from it. Points of accuracy for UPOS on "
    assert section.note.startswith(
        f"{start}the test split, paired by seed; n seeds = 3, 95% t intervals at most ±"
    )
    assert section.note.endswith("Items scored per seed: UPOS 5,200 in en, 10,100 in X. X = de, fr.")
    (section,) = paper_table(synthetic(seeds=(0,))).sections
    assert "n seeds = 1: no interval." in section.note


def test_the_note_tells_of_seeds_left_out(synthetic: Make) -> None:
    records = synthetic(n_layers=4, seeds=(0, 1, 2))
    records = records[~((records["layers"] == "0-1") & (records["seed"] == 1))]
    note = paper_table(records).sections[0].note
    assert "n seeds = 2 to 3" in note
    assert "up to 1 unpaired seed left out" in note


def test_different_targets_of_x_are_told_apart(effect: pd.DataFrame) -> None:
    note = paper_table(effect).sections[0].note
    assert "X of UPOS from en = de, es, fr, hi, ja, ru, zh." in note
    assert "X of UPOS from ru = de, es, fr, hi, ja, zh." in note


def test_ablations_with_names_are_rows_of_one_section(synthetic: Make) -> None:
    records = synthetic(study="freeze", targets=("de",), tasks=("upos", "ner"))
    (section,) = paper_table(records).sections
    assert section.names == ("ablation",)
    assert section.columns == ("UPOS en-en", "UPOS en-X", "NER en-en", "NER en-X")
    assert [row.names[0] for row in section.rows] == [
        "REF", "freeze embeddings", "freeze to layer 2", "freeze to layer 5",
        "freeze to layer 5 then unfreeze", "freeze to layer 5 without dropout", "freeze all",
    ]  # fmt: skip
    effect = sensitivity(records)
    wanted = effect[(effect["ablation"] == "freeze all") & (effect["target"] == "mean")]
    wanted = wanted[(wanted["quantity"] == "zero_shot_drop") & (wanted["task"] == "ner")]
    assert section.rows[-1].cells[3].value == pytest.approx(-100 * wanted["effect"].iloc[0])
    assert section.rows[0].cells[3].value == pytest.approx(100 * wanted["reference"].iloc[0])
    drops = drop_table(records).sections
    assert [section.names for section in drops] == [("ablation",), ("ablation",)]
    assert [row.names for row in drops[0].rows] == [row.names for row in section.rows[1:]]


def test_more_windows_than_fit_a_page_are_rows(synthetic: Make) -> None:
    (section,) = paper_table(synthetic(n_layers=24, size=1, seeds=(0,))).sections
    assert section.names == ("layers",)
    assert [row.names[0] for row in section.rows] == ["REF", *map(str, range(24))]


def test_nothing_to_compare_is_an_error() -> None:
    for make in (paper_table, drop_table):
        with pytest.raises(RecordsError, match="there is no effect to show"):
            make(empty_records())


def test_markdown_lines_up_as_plain_text(effect: pd.DataFrame) -> None:
    for text in (to_markdown(paper_table(effect, intervals=True)), to_markdown(effect)):
        for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            rows = block.splitlines()
            assert len({len(row) for row in rows}) == 1
            assert len({tuple(match.start() for match in re.finditer(r"\|", row)) for row in rows}) == 1
    assert "-0.0 " not in text


def test_intervals_are_shown_unless_they_are_not_wanted_or_there_are_none(synthetic: Make) -> None:
    records = synthetic(n_layers=4)
    assert "±" not in to_markdown(paper_table(records, intervals=False)).replace("at most ±", "")
    assert to_markdown(paper_table(records)) == to_markdown(paper_table(records, intervals=True))
    assert re.search(r"-\d+\.\d ±\d+\.\d", to_markdown(paper_table(records, intervals=True)))
    assert re.search(r"\$-\d+\.\d \\pm \d+\.\d\$", to_latex(paper_table(records, intervals=True)))
    assert "±" not in to_markdown(paper_table(synthetic(n_layers=4, seeds=(0,)), intervals=True))


def test_every_window_is_a_row_of_the_table_of_drops(effect: pd.DataFrame) -> None:
    sections = drop_table(effect).sections
    assert len(sections) == 4
    assert sections[0].columns == ("source drop", "zero-shot drop", "gap change")
    assert [row.names[0] for row in sections[0].rows] == ["0-1", "2-3", "4-5", "6-7", "8-9", "10-11"]
    first = sections[0].rows[0].cells
    assert first[2].value == pytest.approx(first[1].value - first[0].value)
    assert first[1].half is not None


def test_effects_that_were_tested_show_their_q(synthetic: Make) -> None:
    found = significance(synthetic(n_layers=4, seeds=range(7)))
    (section,) = drop_table(found).sections
    quantities = ("source drop", "zero-shot drop", "gap change")
    assert section.columns == tuple(f"{name} (q; ≤ 1 point: p)" for name in quantities)
    wanted = found[(found["quantity"] == "gap_change") & (found["target"] == "mean")].set_index("layers")
    assert [row.cells[2].q for row in section.rows] == list(wanted.loc[["0-1", "2-3"], "q"])
    small = wanted.loc[["0-1", "2-3"], "p_equivalent"]
    assert [row.cells[2].within for row in section.rows] == list(small)
    text = to_markdown(found)
    p = r"(<\.001|\.\d{3}|1\.00)"
    assert re.search(rf"\| 0-1 +\| +\d+\.\d ±\d+\.\d +\({p}; {p}\) \|", text)
    block = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(line) for line in block}) == 1
    assert re.search(rf"\$\d+\.\d \\pm \d+\.\d\\ \({p};\\ {p}\)\$", to_latex(found))
    assert "≤" not in to_latex(found)  # which LaTeX does not know as a character
    assert [row.cells for row in paper_table(found).sections[0].rows] == [
        row.cells for row in paper_table(found[list(EFFECT_COLUMNS)]).sections[0].rows
    ]


def test_latex_uses_booktabs_siunitx_and_shades_by_the_size_of_the_drop(synthetic: Make) -> None:
    text = to_latex(paper_table(synthetic(seeds=(0,))))
    for part in (r"\toprule", r"\midrule", r"\bottomrule", "S[table-format=-2.1]", r"\usepackage{siunitx}"):
        assert part in text
    row = next(line for line in text.splitlines() if "en-X" in line)
    shades = re.findall(r"\\cellcolor\[HTML\]\{(\w{6})\}-?\d", row)
    greens = [int(colour[2:4], 16) for colour in shades]
    assert len(greens) >= 5
    assert greens == sorted(greens)
    assert shades[0] == shade(30, 30)


def test_latex_has_labels_of_its_own_short_captions_and_the_note_below(synthetic: Make) -> None:
    records = synthetic(n_layers=4, models=("a", "b"), study="My study_1")
    sections = (*paper_table(records).sections, *drop_table(records).sections)
    text = to_latex(Table(sections))
    assert re.findall(r"\\label\{(.*)\}", text) == [
        "tab:my-study-1", "tab:my-study-1-2", "tab:my-study-1-effects", "tab:my-study-1-effects-2",
    ]  # fmt: skip
    first = text.split(r"\end{table}")[0]
    assert r"\caption{My study\_1: a, RANDOM-INIT before fine-tuning.}" in first
    places = [first.index(part) for part in (r"\end{tabular}", r"\footnotesize REF = baseline", r"\caption")]
    assert places == sorted(places)


def test_latex_escapes_names(synthetic: Make) -> None:
    text = to_latex(paper_table(synthetic(n_layers=4, models=("a_b & 50%",), targets=("zh_hans", "de"))))
    assert r"a\_b \& 50\%" in text
    assert r"zh\_hans" in text
    assert escape("\\^~{}$#") == r"\textbackslash{}\textasciicircum{}\textasciitilde{}\{\}\$\#"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex with siunitx")
def test_latex_compiles(synthetic: Make, tmp_path: Path) -> None:
    names = {"models": (r"a_b & 50% $x$ #1 {~^\}",), "targets": ("zh_hans", "de")}
    records = synthetic(n_layers=6, size=1, tasks=("upos", "ner"), **names)
    broken = records[~((records["task"] == "ner") & (records["layers"] == "3"))]
    deep = synthetic(n_layers=24, size=1, seeds=(0,), targets=("de",))
    tables = [
        paper_table(broken),
        paper_table(records, intervals=True),
        drop_table(records),
        paper_table(deep),
        paper_table(synthetic(study="freeze", tasks=("upos", "ner"), sources=("en", "ru")), intervals=True),
    ]
    table = Table(tuple(section for table in tables for section in table.sections))
    (tmp_path / "t.tex").write_text(to_latex(table, standalone=True), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def test_csv_has_the_tests_beside_the_effects(synthetic: Make) -> None:
    again = pd.read_csv(io.StringIO(render_table(synthetic(n_layers=4), "csv")))
    assert {"effect", "low", "high", "p", "q", "d_z", "boot_low", "boot_high", "family"} <= set(again.columns)


def test_effects_read_from_csv_give_the_same_table_also_older_ones(effect: pd.DataFrame) -> None:
    again = pd.read_csv(io.StringIO(to_csv(effect)))
    for read in (again, again.drop(columns="options")):
        assert to_markdown(drop_table(read)) == to_markdown(drop_table(effect))


def test_csv_is_the_tidy_frame_in_full_precision(effect: pd.DataFrame) -> None:
    again = pd.read_csv(io.StringIO(to_csv(effect)))
    assert list(again.columns) == list(effect.columns)
    assert again["effect"].tolist() == pytest.approx(effect["effect"].tolist(), rel=1e-14)
