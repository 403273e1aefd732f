"""Probe curves: where in an encoder a task can be read, by layer and language.

Functions take tidy records, of which rows with the ablation ``probe`` are drawn, and return a matplotlib
``Figure`` at the width of an ACL column, or of the page for several models. Scores are in percent.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.sensitivity import t_interval
from layerlab.analysis.records.columns import COLUMNS
from layerlab.errors import RecordsError, unknown
from layerlab.names import PROBE, metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material, by_page
from layerlab.report.style.axes import label_depth, panel_grid, put_legend
from layerlab.report.style.captions import capital, count, seeds_words
from layerlab.report.style.style import COLOURS, DASHES, SOURCE_COLOUR, figure_style
from layerlab.report.style.wording import slug
from layerlab.targets import is_own, own_targets

_PANEL = ["model", "task", "source"]
_MOST_MARKED = 13  # levels; beyond it markers hide the lines


def plot_probes(frame: pd.DataFrame, metric: str | None = None) -> MplFigure:
    """Draw the score of probes by layer, a panel for each model, task and source.

    The source is the bold coloured curve (of several languages, their mean), each zero-shot target a thin
    one, the mean of the targets the bold black one. Bands are 95% t intervals of the source and of the mean
    over seeds; with one seed there are none. The axis counts the layers passed: 0 is the output of the
    embeddings.

    Args:
        frame: Tidy records; rows of other ablations are left out.
        metric: The metric; none means each task's main one.

    Raises:
        RecordsError: No rows of probes, a metric that they do not have, one score recorded twice, or more
            panels than fit a page.
    """
    rows = probe_rows(frame, metric)
    parts = {tuple(map(str, key)): part for key, part in rows.groupby(_PANEL, sort=False)}
    pairs = set(zip(rows["target"], rows["source"], strict=True))
    zero_shot = {target for target, source in pairs if not is_own(target, source)}
    looks = {name: _look(index) for index, name in enumerate(sorted(zero_shot))}
    sources = set(rows["source"])
    named = f"{next(iter(sources))} (source)" if len(sources) == 1 else "source"
    metrics = set(rows["metric"])
    quantity = metric_name(next(iter(metrics))) if len(metrics) == 1 else "score"
    with figure_style():
        titles = [f"{model}, {task_name(task)} from {source}" for model, task, source in parts]
        figure, axes = panel_grid(titles, f"{quantity} (%)")
        for axis, (key, part) in zip(axes, parts.items(), strict=True):
            _draw(axis, part, key[2], looks, named)
        put_legend(figure, axes)
    return figure


def probe_rows(frame: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Keep the rows of probes and of one metric a task: the given one, or its main one.

    Raises:
        RecordsError: A column is missing, no row is left, or one score is recorded twice.
    """
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise RecordsError(f"tidy records are expected; these lack the columns {', '.join(missing)}")
    rows = frame[(frame["ablation"] == PROBE) & frame["layer"].notna()]
    if rows.empty:
        raise RecordsError("there are no probes to show: the records have no rows with the ablation 'probe'")
    if metric is not None and metric not in set(rows["metric"]):
        raise RecordsError(unknown("metric", metric, set(rows["metric"])))
    chosen = rows["task"].map({task: metric or _main(part) for task, part in rows.groupby("task")})
    rows = rows[rows["metric"] == chosen]
    twice = rows[rows.duplicated([*_PANEL, "target", "seed", "layer"])]
    if len(twice):
        one = twice.iloc[0]
        raise RecordsError(
            f"{one['model']} has {one['task']} of {one['target']} from {one['source']} at layer "
            f"{one['layer']}, seed {one['seed']}, twice; keep the probes of one setting"
        )
    return rows


def _main(part: pd.DataFrame) -> str:
    main = part[part["main"]]["metric"]
    return str(main.iloc[0] if len(main) else part["metric"].min())


def _find(material: Material) -> Iterator[Drawing]:
    """Yield the probes of each task, all models side by side, as many as a page holds."""
    frame = material.frame
    rows = frame[(frame["ablation"] == PROBE) & frame["layer"].notna()]
    for task, part in rows.groupby("task", sort=False):
        wanted = material.metric if material.metric in set(part["metric"]) else None
        for shown in by_page(probe_rows(part, wanted), _PANEL):
            metric = str(shown["metric"].iloc[0])
            caption = (
                f"{capital(metric_name(metric))} in percent of linear probes on the frozen states of each "
                f"layer, trained on the source and read on {count(shown['target'].nunique(), 'language')}; "
                f"{seeds_words(shown.groupby(['model', 'source'])['seed'].nunique())}{_widest(shown)}."
            )
            title = f"Probes by layer: {task_name(str(task))}"
            draw = partial(plot_probes, shown, metric)
            yield Drawing(f"probes-{slug(str(task))}", title, caption, draw)


PROBES = Figure(
    "probes",
    shows="where a task can be read, by layer and language",
    needs="rows of 'layerlab probe'",
    find=_find,
)


def _widest(shown: pd.DataFrame) -> str:
    """Say how wide the intervals of single targets are, which are not drawn; empty if there are none."""
    values = 100 * shown.set_index([*_PANEL, "target", "layer"])["value"]
    intervals = [t_interval(list(one)) for _, one in values.groupby(level=list(range(5)))]
    widest = max(((high - low) / 2 for low, high in intervals if low == low), default=float("nan"))
    return (
        "" if widest != widest else f"; those of single targets, which are not drawn, at most ±{widest:.1f}"
    )


def _draw(axis: Axes, part: pd.DataFrame, source: str, looks: dict[str, dict[str, Any]], named: str) -> None:
    """Draw one panel."""
    by_seed = 100 * part.pivot_table(index=["target", "seed"], columns="layer", values="value")
    languages = [str(name) for name in dict.fromkeys(by_seed.index.get_level_values("target"))]
    targets = [name for name in languages if not is_own(name, source)]
    if own := own_targets(languages, source):
        _bold(axis, by_seed.loc[own].groupby("seed").mean(), named, SOURCE_COLOUR, "o")
    if len(targets) > 1:
        zero_shot = by_seed.loc[targets].groupby("seed")
        complete = zero_shot.filter(lambda part: len(part) == len(targets))  # a mean of fewer is another
        _bold(axis, complete.groupby("seed").mean(), "mean", "black", "s")
    for name in targets:
        curve = by_seed.loc[[name]].mean()
        axis.plot(curve.index, curve, label=name, lw=0.8, alpha=0.85, **looks[name])
    label_depth(axis, max(map(int, by_seed.columns)), "layers passed")


def _bold(axis: Axes, by_seed: pd.DataFrame, label: str, colour: str, marker: str) -> None:
    """Draw the mean over seeds, and its interval where there are several."""
    if by_seed.empty:
        return
    mean = by_seed.mean()
    marker = marker if len(mean) <= _MOST_MARKED else ""
    axis.plot(mean.index, mean, label=label, color=colour, lw=1.8, marker=marker, ms=3, zorder=5)
    intervals = [t_interval([float(value) for value in by_seed[level].dropna()]) for level in by_seed]
    low, high = zip(*intervals, strict=True)
    if len(by_seed) > 1:
        axis.fill_between(mean.index, low, high, color=colour, alpha=0.2, lw=0, zorder=4)


def _look(index: int) -> dict[str, Any]:
    """Give the colour and dashes of a target; the source's colour is left to it."""
    rest = COLOURS[1:]
    return {"color": rest[index % len(rest)], "linestyle": DASHES[index // len(rest) % len(DASHES)]}
