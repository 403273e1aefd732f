"""What docs/measures.md claims: the bias of CKA in its figure and table, and every measure explained."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "measures.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> Any:
    """The module that draws the figure."""
    spec = importlib.util.spec_from_file_location("cka_bias", DOCS / "cka_bias.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def means(script: Any) -> pd.Series[float]:
    """Mean estimates by estimator, true value and sentences."""
    summary: pd.DataFrame = script.summarise(script.simulate((50, 100), repeats=8, seed=1))
    return summary["mean"]


def test_debiased_cka_of_independent_gaussians_is_near_zero_and_biased_is_not(
    means: pd.Series[float],
) -> None:
    assert abs(means["debiased", 0.0, 100]) < 0.02
    assert means["biased", 0.0, 100] > 0.5


def test_debiased_cka_of_related_gaussians_is_near_its_true_value(means: pd.Series[float]) -> None:
    assert means["debiased", 0.5, 100] == pytest.approx(0.5, abs=0.02)
    assert means["biased", 0.5, 100] > 0.9


def test_the_bias_is_that_of_the_closed_form(script: Any, means: pd.Series[float]) -> None:
    for n in (50, 100):
        for true_value in script.TRUE_VALUES:
            expected = script.expected_biased(n, script.HIDDEN, true_value)
            assert means["biased", true_value, n] == pytest.approx(expected, abs=0.01)


def test_the_table_is_that_of_a_new_simulation(script: Any, means: pd.Series[float]) -> None:
    rows = {
        int(n.replace(",", "")): [float(value.replace("−", "-")) for value in values.split("|")]
        for n, values in re.findall(r"^\| ([\d,]+) \| ([−.\d| ]+) \|$", PAGE, re.M)
    }
    assert len(rows) == 6
    for n, row in rows.items():
        expected = [
            script.expected_biased(n, script.HIDDEN, 0.0),
            0,
            script.expected_biased(n, 768, 0.5),
            0.5,
        ]
        assert row == pytest.approx(expected, abs=0.02)
    for n in (50, 100):
        order = [("biased", 0.0), ("debiased", 0.0), ("biased", 0.5), ("debiased", 0.5)]
        assert rows[n] == pytest.approx([means[one, value, n] for one, value in order], abs=0.025)


def test_the_figure_has_a_line_for_each_estimator_and_true_value(script: Any, tmp_path: Path) -> None:
    figure = script.draw(script.simulate((20, 40), repeats=2))
    (axis,) = figure.axes
    curves = [line for line in axis.lines if len(line.get_xdata()) == 2 and line.get_marker() != "None"]
    assert len(curves) == 4
    figure.savefig(tmp_path / "figure.png")
    assert (DOCS / "cka-bias.png").stat().st_size > 10_000


def test_every_measure_of_the_command_line_is_explained() -> None:
    from layerlab.measures.bitext_alignment import MEASURES

    explained = set(re.findall(r"`(\w+)`", PAGE))
    assert set(MEASURES) <= explained
