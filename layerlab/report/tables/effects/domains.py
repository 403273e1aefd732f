"""The cross-domain table: what ablations cost on other corpora of the source's language."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from layerlab.analysis.effects.sensitivity import DOMAIN_QUANTITIES, sensitivity
from layerlab.errors import RecordsError
from layerlab.report.style.panels import Panel, panels, places
from layerlab.report.style.units import unit_of
from layerlab.report.tables.cells import (
    difference_cell,
    panel_section,
    reference_cell,
)
from layerlab.report.tables.layout import Cell, Row, Section, Table
from layerlab.report.tables.notes import describe_domains
from layerlab.targets import language_of, sources_of

_DROP, _GAP_CHANGE = DOMAIN_QUANTITIES


def has_domains(frame: pd.DataFrame) -> bool:
    """Return whether a frame of effects has any on another corpus of the source's language."""
    return bool(frame["quantity"].isin(DOMAIN_QUANTITIES).any())


def domain_table(frame: pd.DataFrame, *, intervals: bool = True) -> Table:
    """Lay out the paper's cross-domain table: zero-shot transfer between domains of one language.

    The rows are the baseline, ``REF``, and every layer window or named ablation; the columns the source's own
    test set, each other corpus of its language, and each of these less the source. The row REF has scores,
    the rows below it differences from REF, negative where the ablation hurts. One section per study, model,
    sweep, task and source. If ``intervals``, the 95% intervals are shown.

    Raises:
        RecordsError: No target is another corpus of its source's language.

    Reference: Muller, Elazar, Sagot, Seddah (2021), "First Align, then Predict", cross-domain experiments.
    """
    effect = frame if "effect" in frame.columns else sensitivity(frame)
    if not has_domains(effect):
        targets = ", ".join(sorted(set(effect["target"]) - {"mean"})) or "none"
        raise RecordsError(
            "there is no cross-domain table: no target is another corpus of its source's language, such as "
            f"en:GUM for the source en; targets: {targets}"
        )
    sections = []
    for panel, whole in panels(effect).items():
        part = whole[whole["quantity"].isin(["source_drop", *DOMAIN_QUANTITIES])]
        if has_domains(part):
            sections.append(_section(panel, part, intervals))
    return Table(tuple(sections))


def with_domains(table: Table, effect: pd.DataFrame) -> Table:
    """Add the sections of ``domain_table`` to a table of the same effects, if there are any."""
    if not has_domains(effect):
        return table
    return Table((*table.sections, *domain_table(effect).sections))


def _section(panel: Panel, part: pd.DataFrame, intervals: bool) -> Section:
    own = [("source_drop", panel.source)] if (part["quantity"] == "source_drop").any() else []
    domains = sorted(set(part[part["quantity"] == _DROP]["target"]))
    columns = [*own, *((_DROP, name) for name in domains)]
    columns += [(_GAP_CHANGE, name) for name in domains] if own else []
    headers = [name if quantity != _GAP_CHANGE else f"{name} - {panel.source}" for quantity, name in columns]
    unit = unit_of(part)
    rows = [Row(("REF",), tuple(_reference(part, *column, intervals=intervals) for column in columns))]
    for number, place in enumerate(places(part)):
        here = part[part["place"] == place]
        cells = tuple(_cell(here, *column, intervals=intervals) for column in columns)
        rows.append(Row((place,), cells, ruled=not number))
    listed = domains[0] if len(domains) == 1 else f"{', '.join(domains[:-1])} and {domains[-1]}"
    beyond = f'"- {panel.source}": the column of the corpus less that of {panel.source}. ' if own else ""
    note = (
        f"{listed}: other corpora of {_spoken(panel.source)}, on which nothing was trained. "
        f"REF = baseline score; below it differences from REF. {beyond}"
        f"{describe_domains(panel, part)}"
    )
    title = f", {panel.title} across domains"
    return panel_section(panel, title, headers, rows, note, "-domains", unit=unit)


def _spoken(source: str) -> str:
    return " and ".join(dict.fromkeys(language_of(name) for name in sources_of(source)))


def _reference(part: pd.DataFrame, quantity: str, target: str, *, intervals: bool) -> Cell:
    """Return the baseline's score, or how much higher it is than on the source."""
    found = part[(part["quantity"] == quantity) & (part["target"] == target)]
    if found.empty:
        return Cell(float("nan"))
    cell = reference_cell(found, unit_of(found), intervals=intervals)
    return replace(cell, value=-cell.value) if quantity == _GAP_CHANGE else cell


def _cell(here: pd.DataFrame, quantity: str, target: str, *, intervals: bool) -> Cell:
    found = here[(here["quantity"] == quantity) & (here["target"] == target)]
    if found.empty:
        return Cell(float("nan"))
    return difference_cell(found.iloc[0], unit_of(found), intervals=intervals)
