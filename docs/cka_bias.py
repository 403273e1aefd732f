"""Draw what the estimators of CKA give for Gaussian vectors whose CKA is known.

    python docs/cka_bias.py

writes ``docs/cka-bias.png``, the figure of ``docs/measures.md``, and prints its numbers. It takes about a
minute of one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from layerlab.measures.cka import cka
from layerlab.report.style.style import COLOURS, COLUMN_WIDTH, figure_style

Matrix = NDArray[np.float64]

SENTENCES = (20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
HIDDEN = 768  # the width of mBERT
TRUE_VALUES = (0.0, 0.5)
ESTIMATORS = {"debiased": COLOURS[0], "biased": COLOURS[1]}


def gaussians(n: int, hidden: int, true_value: float, stream: np.random.Generator) -> tuple[Matrix, Matrix]:
    """Draw two sets of vectors ``(n, hidden)`` whose linear CKA is known.

    ``y`` is ``sqrt(c) x + sqrt(1 - c) e`` with ``x`` and ``e`` independent and standard normal. The
    covariance of ``x`` and ``y`` is ``sqrt(c)`` times the identity, so that their CKA in the limit is ``c``.
    """
    x, noise = stream.normal(size=(2, n, hidden))
    return x, np.sqrt(true_value) * x + np.sqrt(1 - true_value) * noise


def expected_biased(n: int, hidden: int, true_value: float) -> float:
    """Return what the biased estimate of such vectors is expected to be, to first order.

    It is the ratio of expectations, which follow from the second moments of a Wishart matrix.

    >>> round(expected_biased(100, 768, 0.0), 2)
    0.88
    """
    return true_value + (1 - true_value) * hidden / (hidden + n)


def simulate(
    sizes: Sequence[int] = SENTENCES, *, hidden: int = HIDDEN, repeats: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Estimate CKA again and again.

    Returns:
        A row an estimate: ``n`` (sentences), ``true_value``, ``estimator``, ``repeat``, ``value``.
    """
    rows = []
    for n in sizes:
        for true_value in TRUE_VALUES:
            for repeat in range(repeats):
                stream = np.random.default_rng([seed, n, repeat])
                x, y = gaussians(n, hidden, true_value, stream)
                rows += [
                    (n, true_value, "debiased", repeat, cka(x, y)),
                    (n, true_value, "biased", repeat, cka(x, y, "biased")),
                ]
    return pd.DataFrame(rows, columns=["n", "true_value", "estimator", "repeat", "value"])


def summarise(frame: pd.DataFrame) -> pd.DataFrame:
    """Return mean and middle 95% of the repeats by estimator, true value and number of sentences."""
    groups = frame.groupby(["estimator", "true_value", "n"])["value"]
    low, high = groups.quantile(0.025), groups.quantile(0.975)
    return pd.DataFrame({"mean": groups.mean(), "low": low, "high": high})


def draw(frame: pd.DataFrame) -> Figure:
    """Draw the means over the number of sentences, with the middle 95% of the repeats as a band."""
    summary = summarise(frame).reset_index()
    with figure_style():
        figure = Figure(figsize=(COLUMN_WIDTH, 2.35), layout="constrained")
        axis = figure.add_subplot()
        for true_value in TRUE_VALUES:
            axis.axhline(true_value, color="0.45", lw=0.8, dashes=(4, 2), zorder=1)
            for estimator, colour in ESTIMATORS.items():
                one = summary[(summary["estimator"] == estimator) & (summary["true_value"] == true_value)]
                line = "o-" if true_value == 0 else "s-"
                axis.fill_between(one["n"], one["low"], one["high"], color=colour, alpha=0.2, lw=0)
                axis.plot(one["n"], one["mean"], line, color=colour, ms=2.8, lw=1.1)
        _label(axis)
    return figure


def _label(axis: Axes) -> None:
    sizes = [20, 100, 500, 1_000, 5_000]
    axis.set_xscale("log")
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.minorticks_off()
    axis.set_xlabel(f"sentences (of {HIDDEN} dimensions)")
    axis.set_ylabel("linear CKA")
    axis.set_ylim(-0.2, 1.03)
    for estimator, (x, y) in {"biased": (300, 0.9), "debiased": (75, 0.53)}.items():
        axis.text(x, y, estimator, color=ESTIMATORS[estimator], fontsize=7.5)
    for true_value, words in zip(TRUE_VALUES, ("independent", "half shared"), strict=True):
        axis.text(75, true_value - 0.03, f"{words}: true value {true_value:g}", fontsize=6.5, va="top")


def main() -> None:
    """Simulate, print and draw."""
    parser = argparse.ArgumentParser(description="Draw the bias of CKA on Gaussian vectors.")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("cka-bias.png"))
    options = parser.parse_args()
    frame = simulate(repeats=options.repeats)
    print(summarise(frame).round(3).to_string())
    figure = draw(frame)
    with figure_style():
        figure.savefig(options.output)
    print(options.output)


if __name__ == "__main__":
    main()
