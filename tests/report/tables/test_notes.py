from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd
import pytest

from layerlab.analysis.significance.effects import significance
from layerlab.report.tables.effects.drops import drop_table
from layerlab.report.tables.effects.paper import paper_table
from layerlab.report.tables.formats.text import render_table

Make = Callable[..., pd.DataFrame]


def note(frame: pd.DataFrame) -> str:
    (section,) = drop_table(frame).sections
    return section.note


def test_one_sentence_says_what_was_tested_and_what_came_out(synthetic: Make) -> None:
    found = significance(synthetic(seeds=range(8)))
    shown = found[(found["quantity"] == "source_drop") | (found["target"] == "mean")]
    n_low = int((shown["q"] <= 0.05).sum())
    assert 0 < n_low < 18
    sentence = (
        "Each difference was tested with a sign-flip test over seeds (two-sided, exact), controlling the "
        "false discovery rate over the 6 ablations of each "
        f"quantity (Benjamini-Hochberg): {n_low} of 18 have q ≤ .05."
    )
    assert sentence in note(found)


def test_the_papers_table_counts_the_differences_that_it_shows(synthetic: Make) -> None:
    found = significance(synthetic(tasks=("upos", "ner"), seeds=range(8)))
    (section,) = paper_table(found).sections
    assert "over the 6 ablations of each task, source and quantity" in section.note
    assert re.search(r": \d+ of 24 have q ≤ \.05\. Items", section.note)


@pytest.mark.parametrize(("n_seeds", "least"), [(2, ".5"), (3, ".25"), (5, ".0625")])
def test_too_few_seeds_are_said_instead_of_a_count(synthetic: Make, n_seeds: int, least: str) -> None:
    text = note(significance(synthetic(seeds=range(n_seeds))))
    assert f"With {n_seeds} seeds, p cannot fall below {least}, so no test can reach .05: at least 6" in text
    assert "6 seeds, or 8 for one effect alone among 6, are needed." in text
    assert "have q" not in text


def test_one_seed_is_not_tested(synthetic: Make) -> None:
    found = significance(synthetic(seeds=(0,)))
    (section,) = drop_table(found).sections
    assert section.columns == ("source drop", "zero-shot drop", "gap change")
    assert "One seed cannot be tested: at least 6 seeds are needed." in section.note
    assert "was tested" not in section.note


def test_many_seeds_are_tested_with_drawn_signs(synthetic: Make) -> None:
    assert "(two-sided, with random flips)" in note(significance(synthetic(n_layers=4, seeds=range(15))))


def test_what_the_command_prints_says_it_and_effects_that_were_not_tested_do_not(synthetic: Make) -> None:
    records = synthetic(n_layers=4)
    for effects in (True, False):
        assert "Each difference was tested" in render_table(records, effects=effects)
    assert "was tested" not in note(records)
