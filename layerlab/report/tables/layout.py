"""Tables of a study as values: the paper's main table, and one with every interval.

``markdown`` and ``latex`` beside it write them; ``tables`` is the entrance to all of it. All numbers in a
table are points (fractions x 100).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from layerlab.analysis.sensitivity import MEAN, QUANTITIES, sensitivity
from layerlab.report.style.panels import Panel, panels, places, points
from layerlab.report.style.wording import slug
from layerlab.report.tables.notes import Parts, describe

_MOST_COLUMNS = 14  # of numbers side by side, so that they fit a page
_QUANTITY_NAMES = {
    "source_drop": "source drop",
    "zero_shot_drop": "zero-shot drop",
    "gap_change": "gap change",
}


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        value: Points; NaN where nothing was measured.
        half: Half the width of the interval in points, None for one seed or where it is not shown.
        drop: The drop in points that shades the cell, None for no shade.
        q: The q value of a test against 0, None for no test or where it is not shown.
        ends: Both ends of an interval in points, of one that need not lie evenly around the number; then
            ``half`` is None.
    """

    value: float
    half: float | None = None
    drop: float | None = None
    q: float | None = None
    ends: tuple[float, float] | None = None


@dataclass(frozen=True)
class Row:
    """A row: its names, its numbers, and whether a rule sets it apart from the row above."""

    names: tuple[str, ...]
    cells: tuple[Cell, ...]
    ruled: bool = False


@dataclass(frozen=True)
class Section:
    """One table with its own columns.

    Attributes:
        title: What all its numbers share.
        names: Headers of the columns of names.
        columns: Headers of the columns of numbers.
        rows: Its rows.
        note: Some plain sentences: what was tested.
        label: For references to it, such as ``my-study``; empty for none.
    """

    title: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str
    label: str = ""

    @property
    def largest(self) -> float:
        """The largest difference in points, which gets the strongest shade."""
        return max(
            (abs(cell.drop) for row in self.rows for cell in row.cells if cell.drop is not None), default=0
        )


@dataclass(frozen=True)
class Table:
    """Sections below one another; windows of different models or sweeps never share a column.

    Attributes:
        sections: The tables.
    """

    sections: tuple[Section, ...]


def paper_table(frame: pd.DataFrame, *, intervals: bool = False) -> Table:
    """Lay out the paper's main table: what each layer window costs, in points.

    Two rows per task and source: ``en-en``, the source itself, and ``en-X``, the mean over the zero-shot
    targets. ``REF`` is the baseline's score; under each window stands the difference from it, negative where
    the ablation hurts. One section per study, model and sweep. Ablations that their authors named make one
    section. It is turned round, with a row for each name, as is a sweep of more windows than fit a page.

    Args:
        frame: Tidy records, or what ``layerlab.analysis.sensitivity`` gives.
        intervals: Show half the width of each 95% interval beside the difference.

    Raises:
        RecordsError: Nothing to compare.

    Reference: Muller, Elazar, Sagot, Seddah (2021), "First Align, then Predict", Table 1.
    """
    effect = frame if "effect" in frame.columns else sensitivity(frame)
    sections = []
    for parts in _sections(panels(effect)):
        panel = parts[0][0]
        columns = ("REF", *places(pd.concat([part for _, part in parts])))
        rows: list[Row] = []
        for one, part in parts:
            rows += _paper_rows(one, part, _task(one, parts), columns[1:], intervals, ruled=bool(rows))
        names: tuple[str, ...] = ("task", "pair")
        if panel.named or len(columns) > _MOST_COLUMNS:
            names = (place_header(panel),)
            columns, rows = _turned(columns, rows)
        note = f"REF = baseline score; all else are differences from it. {describe(parts, QUANTITIES[:2])}"
        label = slug(panel.study or panel.model)
        sections.append(Section(section_title(panel), names, columns, tuple(rows), note, label))
    return Table(tuple(sections))


def drop_table(frame: pd.DataFrame) -> Table:
    """Lay out every layer window as a row: source drop, mean zero-shot drop and gap change with intervals.

    Here the numbers are drops, positive where the ablation hurts. One section per panel.

    Args:
        frame: Tidy records, or what ``layerlab.analysis.sensitivity`` gives; of what
            ``layerlab.analysis.significance`` gives, q values are shown too.

    Raises:
        RecordsError: Nothing to compare.
    """
    effect = frame if "effect" in frame.columns else sensitivity(frame)
    sections = []
    for panel, part in panels(effect).items():
        wanted = part[(part["quantity"] == "source_drop") | (part["target"] == MEAN)]
        found = [name for name in QUANTITIES if (wanted["quantity"] == name).any()]
        rows = []
        for place in places(part):
            here = wanted[wanted["place"] == place].set_index("quantity").reindex(found)
            cells = [effect_cell(row) for _, row in here.iterrows()]
            rows.append(Row((place,), tuple(cells)))
        title = f"{section_title(panel)}, {panel.title}"
        mark = " (q)" if any(cell.q is not None for row in rows for cell in row.cells) else ""
        names = tuple(_QUANTITY_NAMES[name] + mark for name in found)
        note = f"Drops from the baseline. {describe([(panel, part)], QUANTITIES)}"
        label = f"{slug(panel.study or panel.model)}-effects"
        sections.append(Section(title, (place_header(panel),), names, tuple(rows), note, label))
    return Table(tuple(sections))


def _task(panel: Panel, parts: Parts) -> str:
    """Name a panel's task, with its metric where another panel of the section has another."""
    metrics = {one.metric for one, _ in parts if (one.task, one.split) == (panel.task, panel.split)}
    metric = f" ({panel.metric_words})" if len(metrics) > 1 else ""
    return f"{panel.task_words}{metric}"


def _turned(columns: tuple[str, ...], rows: list[Row]) -> tuple[tuple[str, ...], list[Row]]:
    """Turn the paper's layout round: a row for each column, a column for each task and pair."""
    tasks: list[str] = []
    for row in rows:
        tasks.append(row.names[0] or tasks[-1])
    headers = tuple(f"{task} {row.names[1]}" for task, row in zip(tasks, rows, strict=True))
    turned = [
        Row((name,), tuple(row.cells[index] for row in rows), ruled=index == 1)
        for index, name in enumerate(columns)
    ]
    return headers, turned


def _sections(parts: dict[Panel, pd.DataFrame]) -> list[list[tuple[Panel, pd.DataFrame]]]:
    """Gather the panels that share study, model and sweep, by task."""

    def shared(item: tuple[Panel, pd.DataFrame]) -> tuple[int, ...]:
        return order.index((item[0].study, item[0].model, item[0].sweep)), tasks.index(item[0].task)

    order = list(dict.fromkeys((panel.study, panel.model, panel.sweep) for panel in parts))
    tasks = list(dict.fromkeys(panel.task for panel in parts))
    ordered = sorted(parts.items(), key=shared)
    return [list(items) for _, items in groupby(ordered, key=lambda item: shared(item)[0])]


def _paper_rows(
    panel: Panel, part: pd.DataFrame, task: str, order: tuple[str, ...], intervals: bool, *, ruled: bool
) -> list[Row]:
    """Make the rows of one task and source: the source itself, then the mean of the others."""
    rows: list[Row] = []
    for quantity, target, other in (
        ("source_drop", panel.source, panel.source),
        ("zero_shot_drop", MEAN, "X"),
    ):
        found = part[(part["quantity"] == quantity) & (part["target"] == target)]
        if found.empty:
            continue
        # Where seeds are missing, the baseline of the window with the most seeds stands for all.
        reference = found.sort_values("n_seeds", kind="stable").iloc[-1]["reference"]
        cells = [Cell(points(reference))]
        for _, row in found.set_index("place").reindex(list(order)).iterrows():
            cell = effect_cell(row, negative=True)
            cells.append(cell if intervals else Cell(cell.value, drop=cell.drop))
        name = task if not rows else ""
        rows.append(Row((name, f"{panel.source}-{other}"), tuple(cells), ruled and not rows))
    return rows


def effect_cell(row: pd.Series, *, negative: bool = False) -> Cell:
    """Make a cell of an effect with its interval, shade and q value.

    Args:
        row: The row of a frame of effects.
        negative: Show the difference from the baseline, negative where the ablation hurts, not the drop.
    """
    drop, low, high = (points(row[name]) for name in ("effect", "low", "high"))
    half, shade, q = (_there(number) for number in (high - drop, drop, row.get("q", float("nan"))))
    value = -drop if negative else drop
    if "n_resamples" not in row.index or half is None:
        return Cell(value, half, shade, q)
    return Cell(value, None, shade, q, (-high, -low) if negative else (low, high))


def _there(number: float) -> float | None:
    return None if number != number else number


def place_header(panel: Panel) -> str:
    """Head the column that tells the ablations of a panel apart."""
    return "ablation" if panel.named else "layers"


def section_title(panel: Panel) -> str:
    """Say what all numbers of a panel share: study, model and sweep."""
    study = f"{panel.study}: " if panel.study else ""
    return f"{study}{panel.model}, {panel.words}"
