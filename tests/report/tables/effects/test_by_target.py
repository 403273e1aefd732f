from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from layerlab.analysis.effects.sensitivity import sensitivity, t_interval
from layerlab.analysis.records.tidy import empty_records
from layerlab.analysis.significance.effects import significance
from layerlab.errors import RecordsError
from layerlab.report.tables.effects.by_target import target_table
from layerlab.report.tables.effects.domains import domain_table
from layerlab.report.tables.effects.drops import drop_table
from layerlab.report.tables.effects.paper import paper_table
from layerlab.report.tables.effects.scores import score_table
from layerlab.report.tables.formats.latex import to_latex
from layerlab.report.tables.formats.markdown import to_markdown

Make = Callable[..., pd.DataFrame]


def test_every_target_has_a_row_with_its_differences(synthetic: Make) -> None:
    records = synthetic(n_layers=4, targets=("fr", "de"))
    (section,) = target_table(sensitivity(records)).sections
    assert section.title == "synthetic: mbert, RANDOM-INIT before fine-tuning, by target: UPOS from en"
    assert section.columns == ("REF", "0-1", "2-3")
    assert [row.names for row in section.rows] == [("en (source)",), ("de",), ("fr",), ("mean",)]
    of_de = records[records["target"] == "de"].groupby("layers")["value"].mean()
    (row,) = (row for row in section.rows if row.names == ("de",))
    assert [cell.value for cell in row.cells] == pytest.approx(
        [100 * of_de[""], 100 * (of_de["0-1"] - of_de[""]), 100 * (of_de["2-3"] - of_de[""])]
    )
    assert row.cells[0].drop is None
    assert row.cells[1].drop == pytest.approx(-row.cells[1].value)


def test_one_target_has_no_mean(synthetic: Make) -> None:
    (section,) = target_table(sensitivity(synthetic(n_layers=4, targets=("de",)))).sections
    assert [row.names[0] for row in section.rows] == ["en (source)", "de"]


def test_names_and_many_windows_are_rows(synthetic: Make) -> None:
    (section,) = target_table(sensitivity(synthetic(study="swap", targets=("de", "ru")))).sections
    assert section.names == ("ablation",)
    assert section.columns == ("en (source)", "de", "ru", "mean")
    assert [row.names[0] for row in section.rows][:2] == ["REF", "lower layers of ru"]
    assert [row.ruled for row in section.rows] == [False, True, False, False]
    (section,) = target_table(sensitivity(synthetic(n_layers=24, size=1, targets=("de",)))).sections
    assert section.names == ("layers",)
    assert len(section.rows) == 25


def test_more_targets_than_fit_a_page_make_several_tables(synthetic: Make) -> None:
    targets = [f"x{index:02}" for index in range(20)]
    sections = target_table(sensitivity(synthetic(study="swap", targets=targets))).sections
    assert [len(section.columns) for section in sections] == [8, 8, 6]
    assert [section.title[-8:] for section in sections] == ["(1 of 3)", "(2 of 3)", "(3 of 3)"]
    names = [name for section in sections for name in section.columns]
    assert names == ["en (source)", *targets, "mean"]


def test_the_note_tells_what_was_tested_and_what_came_out(synthetic: Make) -> None:
    records = synthetic(n_layers=4, targets=("de", "fr"), seeds=range(8))
    effect = significance(records)
    (section,) = target_table(effect).sections
    tested = effect[(effect["quantity"] == "zero_shot_drop") & (effect["target"] != "mean")]
    n_low = int((tested["q"] <= 0.05).sum())
    assert f"over the 4 tests (Benjamini-Hochberg): {n_low} of 4 have q ≤ .05." in section.note
    assert "n seeds = 8, 95% t intervals at most ±" in section.note
    (section,) = target_table(significance(synthetic(n_layers=4, seeds=(0, 1)))).sections
    assert "With 2 seeds, p cannot fall below .5" in section.note
    (section,) = target_table(sensitivity(synthetic(n_layers=4))).sections
    assert "tested" not in section.note


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(RecordsError, match="there is no effect to show"):
        target_table(sensitivity(empty_records()))


def test_mean_scores_are_means_over_seeds(synthetic: Make) -> None:
    records = synthetic(n_layers=4, targets=("fr", "de"), tasks=("upos", "ner"))
    first, second = score_table(records).sections
    assert first.columns == ("en", "de", "fr")
    assert [row.names[0] for row in first.rows] == ["none", "reset(0-1)@before", "reset(2-3)@before"]
    rows = records[(records["task"] == "ner") & (records["layers"] == "2-3") & (records["target"] == "fr")]
    assert second.rows[2].cells[2].value == pytest.approx(100 * rows["value"].mean())
    low, high = t_interval([100 * value for value in rows["value"]])
    assert second.rows[2].cells[2].half == pytest.approx((high - low) / 2)
    assert first.note == (
        "Points of accuracy on the test split; n seeds = 3, 95% t intervals over seeds; nothing is paired or "
        "tested."
    )


def test_every_number_has_its_interval_where_there_are_two_seeds(synthetic: Make) -> None:
    records = synthetic(n_layers=4, targets=("fr", "de", "en:GUM"), seeds=(0, 1))
    effect = significance(records)
    tables = [target_table(effect), score_table(records), paper_table(effect), drop_table(effect)]
    tables.append(domain_table(effect))
    cells = [cell for table in tables for part in table.sections for row in part.rows for cell in row.cells]
    assert all(cell.half is not None and cell.n == 2 for cell in cells)
    single = significance(records[records["seed"] == 0])
    assert "no interval" in target_table(single).sections[0].note


def test_seeds_that_differ_between_cells_stand_in_the_cells(synthetic: Make) -> None:
    records = synthetic(n_layers=4, targets=("de",), seeds=(0, 1, 2))
    assert "n=" not in to_markdown(target_table(significance(records)))
    part = records[~((records["layers"] == "0-1") & (records["seed"] == 1))]
    for text in (to_markdown(score_table(part)), to_latex(score_table(part))):
        assert "n=2" in text
        assert "n=3" in text
