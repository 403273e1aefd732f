"""Several studies in one report: the settings in which they differ, one table, a figure a sweep, a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from layerlab.analysis.effects.comparison import differences, side_by_side
from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.records.tidy import load_records
from layerlab.files import write_text
from layerlab.report.figures.ablations.comparison import plot_comparison
from layerlab.report.figures.figure import Drawing
from layerlab.report.page.about import read_settings
from layerlab.report.page.page import Page, render_page
from layerlab.report.page.plates import Plate, make_plate
from layerlab.report.page.study_facts import Facts, plain
from layerlab.report.page.study_report import PAGE
from layerlab.report.style.groups import Group, comparable
from layerlab.report.style.wording import slug
from layerlab.report.tables.effects.comparison import comparison_table
from layerlab.report.tables.formats.text import STYLES, render_comparison
from layerlab.report.tables.study_tables import StudyTable

_SUFFIXES = {"markdown": "md", "latex": "tex", "csv": "csv"}


def settings_apart(places: Mapping[str, Path], frames: Mapping[str, pd.DataFrame]) -> Facts:
    """List the settings that are not the same in all studies, each with what every study has.

    Args:
        places: Results of each study, by label.
        frames: Their records.
    """
    settings: dict[str, Mapping[str, Any]] = {
        label: read_settings(place, frames[label]) for label, place in places.items()
    }
    facts = []
    for one in differences(settings):
        values = (
            f"{label} {'default' if value is None else plain(value)}"
            for label, value in zip(places, one.values, strict=True)
        )
        facts.append((one.key, "; ".join(values)))
    unknown = [label for label, known in settings.items() if not known]
    return facts + [("study file", f"that of {label} is not there") for label in unknown]


def report_on_several(
    places: Mapping[str, Path], folder: Path, *, formats: Sequence[str] = ("pdf",)
) -> list[Path]:
    """Write the table, the figures and the page of several studies; return the paths, the page first.

    Means are over the targets that all studies have.

    Args:
        places: Results of each study, by the label that it gets.
        folder: Where everything goes.
        formats: Of the figures: ``pdf``, ``png`` or both.

    Raises:
        RecordsError: There are fewer than two studies, or they share no task and source.
    """
    frames = {label: load_records(place) for label, place in places.items()}
    frame = side_by_side(frames)
    effect = sensitivity(frame, incomplete="drop")
    shown = StudyTable("comparison", "Side by side", lambda frame, effects: None, "comparison.csv")
    paths: list[Path] = []
    for style in STYLES:
        path = folder / "tables" / f"comparison.{_SUFFIXES[style]}"
        write_text(path, render_comparison(effect, style))
        paths.append(path)
    plates: list[Plate] = []
    for group in comparable(effect):
        plate, written = make_plate(_drawing(group), folder / "figures", formats)
        plates.append(plate)
        paths += written
    page = Page(
        title=" and ".join(places),
        question="What the same ablations cost in several studies.",
        settings=settings_apart(places, frames) or [("Settings that differ", "none")],
        machine=[],
        caveats=[*frame.attrs["notes"], *effect.attrs.get("notes", ())],
        tables={shown: comparison_table(effect)},
        figures={"Layers": plates},
    )
    write_text(folder / PAGE, render_page(page))
    return [folder / PAGE, *paths]


def _drawing(group: Group) -> Drawing:
    panel, _ = group[0]
    studies = ", ".join(dict.fromkeys(one.study for one, _ in group))
    return Drawing(
        name_of(group),
        f"{panel.title}, {panel.words}",
        f"What each ablation costs on the source and zero-shot ({panel.metric_words}) in {studies}; bands "
        "are 95% intervals.",
        lambda: plot_comparison(group),
    )


def name_of(group: Group) -> str:
    """Return the stem of a group's figure."""
    panel, _ = group[0]
    return slug(f"comparison {panel.task} {panel.source} {panel.sweep}")
