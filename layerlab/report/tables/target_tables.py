"""Tables with a number for every target language: what each ablation costs there, and plain mean scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import pandas as pd

from layerlab.analysis.records import BASELINE
from layerlab.analysis.sensitivity import MEAN, aggregate
from layerlab.analysis.significance import LEVEL, seed_warning
from layerlab.analysis.sweeps import select_scores, windows
from layerlab.names import metric_name, task_name
from layerlab.report.style.panels import Panel, panels, places, points
from layerlab.report.style.wording import slug
from layerlab.report.tables.layout import Cell, Row, Section, Table

_Item = TypeVar("_Item")

_MOST_COLUMNS = 14  # of numbers side by side, so that they fit a page


def target_table(effect: pd.DataFrame) -> Table:
    """Lay out what each ablation costs on every target language, in points: the paper's table by language.

    ``REF`` is the baseline's score; under each window stands the difference from it, negative where the
    ablation hurts. The source comes first, the mean over the targets last. One section per panel; where
    windows or names do not fit side by side they are the rows, and many targets make several sections.

    Args:
        effect: What ``layerlab.analysis.sensitivity`` or ``significance`` gives.

    Raises:
        RecordsError: Nothing to compare.
    """
    sections: list[Section] = []
    for panel, part in panels(effect).items():
        order, rows = places(part), _target_rows(panel, part)
        columns = ("REF", *order)
        title = f"{_where(panel.study, panel.model)}, {panel.words}, by target: "
        title += panel.title
        label = f"{slug(panel.study or panel.model)}-targets"
        if panel.named or len(columns) > _MOST_COLUMNS:
            header = ("ablation" if panel.named else "layers",)
            parted = _parts(rows)
            for number, some in enumerate(parted, 1):
                turned = [
                    Row((name,), tuple(row.cells[index] for row in some), ruled=index == 1)
                    for index, name in enumerate(columns)
                ]
                names = tuple(row.names[0] for row in some)
                shown = title + _counted(number, len(parted))
                sections.append(Section(shown, header, names, tuple(turned), _note(panel, part), label))
        else:
            sections.append(Section(title, ("target",), columns, tuple(rows), _note(panel, part), label))
    return Table(tuple(sections))


def score_table(frame: pd.DataFrame) -> Table:
    """Lay out the mean score of every ablation on every target over its seeds, in points.

    Args:
        frame: Tidy records; each task's own metric is shown.
    """
    scores = aggregate(select_scores(frame))
    sections: list[Section] = []
    shared = ["study", "model", "task", "metric", "split", "source"]
    for key, part in scores.groupby(shared, sort=False):
        study, model, task, metric, split, source = map(str, key)
        others = sorted(set(part["target"]) - {source})
        ablations = windows(part, "ablation")
        ablations = [name for name in ablations if name == BASELINE] + [
            name for name in ablations if name != BASELINE
        ]
        means = part.pivot_table(index="ablation", columns="target", values="mean", sort=False)
        means = 100 * means.reindex(index=ablations, columns=[source, *others])
        name = metric_name(metric)
        title = f"{_where(study, model)}, mean scores: {task_name(task)} from {source}"
        note = (
            f"Points of {name} on the {split} split; {_seeds(part['n_seeds'])}, nothing is paired or tested."
        )
        label = f"{slug(study or model)}-scores"
        parted = _parts([source, *others])
        for number, targets in enumerate(parted, 1):
            rows = [
                Row((ablation,), tuple(Cell(float(value)) for value in row), ruled=index == 1)
                for index, (ablation, row) in enumerate(
                    zip(ablations, means[targets].to_numpy(), strict=True)
                )
            ]
            shown = title + _counted(number, len(parted))
            sections.append(Section(shown, ("ablation",), tuple(targets), tuple(rows), note, label))
    return Table(tuple(sections))


def _target_rows(panel: Panel, part: pd.DataFrame) -> list[Row]:
    """Make a row for the source, each target and their mean: the baseline, then the differences."""
    drops = part[part["quantity"].isin(("source_drop", "zero_shot_drop"))]
    targets = sorted(set(drops["target"]) - {MEAN, panel.source})
    mean = [MEAN] if len(targets) > 1 else []
    rows: list[Row] = []
    for target in [panel.source, *targets, *mean]:
        found = drops[drops["target"] == target]
        if found.empty:
            continue
        # Where seeds are missing, the baseline of the window with the most seeds stands for all.
        reference = found.sort_values("n_seeds", kind="stable").iloc[-1]["reference"]
        effects = found.set_index("place")["effect"].reindex(places(part))
        cells = [Cell(-points(drop), drop=None if drop != drop else points(drop)) for drop in effects]
        name = f"{target} (source)" if target == panel.source else target
        apart = len(rows) == 1 or target == MEAN
        rows.append(Row((name,), (Cell(points(reference)), *cells), ruled=apart))
    return rows


def _note(panel: Panel, part: pd.DataFrame) -> str:
    """Say in plain words what the numbers are, what was tested, and what came out of it."""
    drops = part[part["quantity"].isin(("source_drop", "zero_shot_drop")) & (part["target"] != MEAN)]
    metric = panel.metric_words
    text = (
        f"REF = baseline score; all else are differences from it. Points of {metric} on the {panel.split} "
        f"split, paired by seed; {_seeds(drops['n_seeds'])}."
    )
    tested = drops[drops["q"].notna()] if "q" in drops.columns else drops.iloc[:0]
    tested = tested[tested["quantity"] == "zero_shot_drop"]
    if tested.empty:
        return text
    n_tests, most = int(tested["n_tests"].max()), int(tested["n_seeds"].max())
    text += (
        f" The drop on each target was tested for every ablation by flipping the signs of the seeds' "
        f"differences (two-sided), with false discoveries controlled over the {n_tests} tests "
        "(Benjamini-Hochberg)"
    )
    if warning := seed_warning(most, n_tests):
        return f"{text}. {warning}"
    return (
        f"{text}: {int((tested['q'] <= LEVEL).sum())} of {len(tested)} have q ≤ {f'{LEVEL:g}'.lstrip('0')}."
    )


def _parts(items: list[_Item]) -> list[list[_Item]]:
    """Part items into as few lists as fit a page, of about equal length.

    >>> _parts(list("abc"))
    [['a', 'b', 'c']]
    >>> [len(part) for part in _parts(list(range(15)))]
    [8, 7]
    """
    n_parts = -(-len(items) // _MOST_COLUMNS)
    size = -(-len(items) // max(1, n_parts))
    return [items[start : start + size] for start in range(0, len(items), max(1, size))]


def _counted(number: int, n_parts: int) -> str:
    return f" ({number} of {n_parts})" if n_parts > 1 else ""


def _seeds(counts: Iterable[int]) -> str:
    low, high = min(counts), max(counts)
    return f"n seeds = {low}" if low == high else f"n seeds = {low} to {high}"


def _where(study: str, model: str) -> str:
    return f"{study}: {model}" if study else model
