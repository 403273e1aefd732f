"""A study's whole report as files: every table, every figure, and one page that holds them all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from layerlab.analysis.effects.scales import POINTS, SCALES
from layerlab.analysis.effects.sensitivity import EFFECT_COLUMNS
from layerlab.analysis.records.tidy import load_records
from layerlab.analysis.sentences.hierarchical import compare_effects
from layerlab.analysis.stored.record import Where
from layerlab.analysis.stored.remote import local_of
from layerlab.errors import RecordsError
from layerlab.files import write_text
from layerlab.report.figures.gallery import drawings
from layerlab.report.page.about import About, read_about
from layerlab.report.page.caveats import caveats
from layerlab.report.page.page import Page, render_page
from layerlab.report.page.plates import Plate, make_plate
from layerlab.report.page.study_facts import machine_facts, settings_facts
from layerlab.report.style.captions import capital
from layerlab.report.tables.study_tables import lay_out_tables, write_tables

PAGE = "index.html"


def report_on(results: Where, folder: Where, *, formats: Sequence[str] = ("pdf",)) -> list[Path]:
    """Write the report of a store, a published study or a file of records, as ``write_report`` does."""
    place = local_of(results)
    frame = load_records(place)
    return write_report(frame, folder, read_about(place, frame), formats=formats)


def write_report(
    frame: pd.DataFrame, folder: Where, about: About | None = None, *, formats: Sequence[str] = ("pdf",)
) -> list[Path]:
    """Write all tables, all figures and the page of a study; files of the same names are replaced.

    Below the folder come ``index.html``, ``tables/`` (Markdown, LaTeX, CSV) and ``figures/`` (at the
    width of a column and of the page). Before anything can be compared, there are mean scores alone, and
    figures of measures.

    Args:
        frame: Tidy records.
        folder: Where everything goes; made if it is not there.
        about: The files next to the records, as ``layerlab.report.page.about.read_about`` gives it.
        formats: Of the figures: ``pdf``, ``png`` or both.

    Returns:
        The paths written, the page first.

    Raises:
        RecordsError: There are no records.
    """
    if frame.empty:
        raise RecordsError("there is nothing to report: the study has no complete run")
    folder, about = Path(folder), about or About()
    effects = {scale: compare_effects(frame, about.counts, scale=scale) for scale in SCALES}
    effect = effects[POINTS]
    tables = lay_out_tables(frame, effects, about.trajectories)
    paths = write_tables(frame, effects, tables, folder / "tables", about.trajectories)
    figures, drawn = _write_figures(frame, effect, about.trajectories, folder / "figures", formats)
    page = Page(
        title=", ".join(dict.fromkeys(map(str, frame["study"]))) or "study",
        question=str(about.settings.get("description") or ""),
        settings=settings_facts(frame, about),
        machine=machine_facts(about.nodes),
        caveats=caveats(frame, effect, about),
        tables=tables,
        figures=figures,
    )
    write_text(folder / PAGE, render_page(page))
    return [folder / PAGE, *paths, *drawn]


def _write_figures(
    frame: pd.DataFrame,
    effect: pd.DataFrame,
    trajectories: pd.DataFrame | None,
    folder: Path,
    formats: Sequence[str],
) -> tuple[dict[str, list[Plate]], list[Path]]:
    """Draw and save every figure, one at a time."""
    plates, paths = dict[str, list[Plate]](), list[Path]()
    effect = effect[list(EFFECT_COLUMNS)]
    for figure, drawing in drawings(frame, effect=effect, trajectories=trajectories):
        plate, written = make_plate(drawing, folder, formats)
        plates.setdefault(_heading(figure.shows), []).append(plate)
        paths += written
    return plates, paths


def _heading(words: str) -> str:
    """Capitalise, and write a product with its sign.

    >>> _heading("layers x targets")
    'Layers × targets'
    """
    return capital(words).replace(" x ", " × ")
