"""A pretraining in one picture, from its ``training.json`` alone: losses, and the alignment that emerges."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from layerlab.errors import DataError
from layerlab.report.style.axes import put_legend
from layerlab.report.style.saving import save_figure
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH, figure_style, line_style

_POINTS = 200  # of the training loss's curve
_NAMES = {"cka": "CKA", "retrieval": "retrieval accuracy"}
Rows = Sequence[Mapping[str, Any]]


def draw_training(facts: Mapping[str, Any]) -> Figure:
    """Draw a pretraining: training and held-out losses; with probes also what they measured.

    With probes there are four panels: the losses; retrieval of each pair over the steps, at the layer that is
    best on average at the end; and the mean over the pairs by layer and step, of retrieval and of CKA.

    Raises:
        DataError: No step has been made.
    """
    if not facts["losses"]:
        raise DataError("there is no pretraining to draw: no step has been made")
    probes: Rows = facts.get("probes") or []
    languages = [*facts["spec"]["corpora"], *sorted({str(row["target"]) for row in probes})]
    styles = {name: line_style(i) | {"marker": ""} for i, name in enumerate(dict.fromkeys(languages))}
    with figure_style():
        if not probes:
            figure = Figure(figsize=(COLUMN_WIDTH, 2.3), layout="constrained")
            axes = [figure.subplots()]
        else:
            figure = Figure(figsize=(FULL_WIDTH, 4.1), layout="constrained")
            axes = list(figure.subplots(2, 2, sharex=True).flat)
            _draw_pairs(axes[1], probes, styles)
            for axis, measure in zip(axes[2:], ("retrieval", "cka"), strict=True):
                _draw_layers(figure, axis, [row for row in probes if row["measure"] == measure], measure)
                axis.set_xlabel("steps")
        _draw_losses(axes[0], facts, styles)
        if not probes:
            axes[0].set_xlabel("steps")
        put_legend(figure, axes)
    return figure


def write_picture(folder: str | Path) -> list[Path]:
    """Draw the pretraining of a folder beside its model, as ``training.pdf`` and ``training.png``.

    Raises:
        DataError: The folder has no ``training.json``, or no step has been made.
    """
    path = Path(folder) / "training.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    return save_figure(draw_training(facts), Path(folder) / "training", ("pdf", "png"))


def _draw_losses(axis: Axes, facts: Mapping[str, Any], styles: Mapping[str, Mapping[str, Any]]) -> None:
    losses = np.asarray(facts["losses"], dtype=float)
    ends = np.unique(np.linspace(0, len(losses), min(_POINTS, len(losses)) + 1).astype(int))
    means = np.add.reduceat(losses, ends[:-1]) / np.diff(ends)
    axis.plot((ends[:-1] + ends[1:]) / 2, means, color="0.6", lw=0.9, label="training")
    held_out = facts["held_out"]
    for name in dict.fromkeys(name for one in held_out for name in one["loss"]):
        points = [(one["step"], one["loss"][name]) for one in held_out if name in one["loss"]]
        look = styles.get(name, {"color": "black", "linestyle": "--"})
        alone = {"marker": "o", "ms": 2.0} if len(points) == 1 else {}
        axis.plot(*zip(*points, strict=True), label=name, lw=0.9, **{**look, **alone})
    axis.set_ylabel("loss (nats per predicted token)")
    axis.set_title(f"{sum(facts['tokens_seen'].values()) / 1e6:,.1f} million tokens; held-out by language")
    axis.set_xlim(0, len(losses))


def _draw_pairs(axis: Axes, probes: Rows, styles: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw the retrieval of each pair over the steps, at one layer for all."""
    rows = [row for row in probes if row["measure"] == "retrieval"]
    steps, layers, means = _means(rows)
    last = means[:, -1]
    best = layers[int(np.argmax(last))]
    for target in dict.fromkeys(str(row["target"]) for row in rows):
        here = [row for row in rows if (row["target"], row["layer"]) == (target, best)]
        values = {row["step"]: row["value"] for row in here}
        axis.plot(steps, [values.get(step, np.nan) for step in steps], label=target, lw=0.9, **styles[target])
    chance = float(np.mean([1 / row["n"] for row in rows]))
    axis.axhline(chance, color="0.4", lw=0.8, ls=(0, (1, 1.2)), label="chance")
    axis.set_ylabel(_NAMES["retrieval"])
    axis.set_title(f"with {rows[0]['source']}, after {best} {'layer' if best == 1 else 'layers'}")


def _draw_layers(figure: Figure, axis: Axes, rows: Rows, measure: str) -> None:
    """Draw the mean over the pairs as cells of layers and steps."""
    steps, layers, means = _means(rows)
    middles = (np.asarray(steps[1:]) + np.asarray(steps[:-1])) / 2
    first, last = (2 * steps[0] - middles[0], 2 * steps[-1] - middles[-1]) if len(steps) > 1 else (-0.5, 0.5)
    edges = np.array([max(0.0, first), *middles, last]) if len(steps) > 1 else np.array([first, last])
    rungs = np.arange(len(layers) + 1) + layers[0] - 0.5
    mesh = axis.pcolormesh(edges, rungs, np.ma.masked_invalid(means), cmap="viridis", rasterized=True)
    axis.set_yticks(range(layers[0], layers[-1] + 1, -(-len(layers) // 8)))
    axis.set_ylabel("layers passed")
    axis.set_title(f"{_NAMES[measure]}, mean of {len({row['target'] for row in rows})} pairs")
    axis.spines[:].set_visible(False)
    bar = figure.colorbar(mesh, ax=axis, fraction=0.05, pad=0.02, aspect=18)
    bar.outline.set_visible(False)


def _means(rows: Rows) -> tuple[list[int], list[int], np.ndarray[Any, np.dtype[np.float64]]]:
    """Return steps, layers and the mean over the pairs, of shape ``(layers, steps)``."""
    steps = sorted({int(row["step"]) for row in rows})
    layers = sorted({int(row["layer"]) for row in rows})
    sums, counts = np.zeros((len(layers), len(steps))), np.zeros((len(layers), len(steps)))
    for row in rows:
        if row["value"] is not None:
            at = layers.index(row["layer"]), steps.index(row["step"])
            sums[at] += row["value"]
            counts[at] += 1
    with np.errstate(invalid="ignore"):
        return steps, layers, sums / counts
