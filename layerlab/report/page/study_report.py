"""A study's whole report as files: every table, every figure, and one page that holds them all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from layerlab.analysis.sensitivity import aggregate
from layerlab.analysis.significance import significance
from layerlab.analysis.stored import Where
from layerlab.errors import RecordsError
from layerlab.report.figures.gallery import drawings
from layerlab.report.page.about import About
from layerlab.report.page.caveats import caveats
from layerlab.report.page.facts import machine_facts, settings_facts
from layerlab.report.page.page import Page, TableGroup, render_page
from layerlab.report.page.plates import Plate, make_plate
from layerlab.report.page.writing import left_out
from layerlab.report.style.captions import capital
from layerlab.report.tables.domains import with_domains
from layerlab.report.tables.tables import Table, drop_table, paper_table, to_csv, to_latex, to_markdown
from layerlab.report.tables.target_tables import score_table, target_table

PAGE = "index.html"


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
        about: What lies beside the records, as ``layerlab.report.page.about.read_about`` gives it.
        formats: Of the figures: ``pdf``, ``png`` or both.

    Returns:
        The paths written, the page first.

    Raises:
        RecordsError: There are no records.
    """
    if frame.empty:
        raise RecordsError("there is nothing to report: the study has no complete run")
    folder, about = Path(folder), about or About()
    effect = significance(frame, incomplete="drop")
    tables = report_tables(frame, effect)
    paths = _write_tables(frame, effect, tables, folder / "tables")
    figures, drawn = _write_figures(frame, folder / "figures", formats)
    page = Page(
        title=", ".join(dict.fromkeys(map(str, frame["study"]))) or "study",
        question=str(about.settings.get("description") or ""),
        settings=settings_facts(frame, about),
        machine=machine_facts(about.nodes),
        caveats=caveats(frame, effect, about),
        tables=[TableGroup(_TITLES[name], table, _files(name)) for name, table in tables.items()],
        figures=figures,
    )
    (folder / PAGE).write_text(render_page(page), encoding="utf-8")
    return [folder / PAGE, *paths, *drawn]


#: Headings of the tables, by the stem of their files.
_TITLES = {
    "table": "What each ablation costs",
    "effects": "Every effect with its interval and q value",
    "targets": "By target language",
    "scores": "Mean scores",
}


def report_tables(frame: pd.DataFrame, effect: pd.DataFrame) -> dict[str, Table]:
    """Lay out every table that a study has data for, by the stem of its files.

    Args:
        frame: Tidy records.
        effect: What ``layerlab.analysis.significance`` gives of them.
    """
    tables: dict[str, Table] = {}
    if len(effect):
        tables["table"] = with_domains(paper_table(effect), effect)
        tables["effects"] = with_domains(drop_table(effect), effect, intervals=True)
        if (effect["quantity"] == "zero_shot_drop").any():
            tables["targets"] = target_table(effect)
    if frame["layer"].isna().any():
        tables["scores"] = score_table(frame)
    return tables


def _files(name: str) -> str:
    csv = "scores.csv" if name == "scores" else "effects.csv"
    return f"tables/{name}.md, tables/{name}.tex, tables/{csv}"


def _write_tables(
    frame: pd.DataFrame, effect: pd.DataFrame, tables: dict[str, Table], folder: Path
) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"scores.csv": to_csv(aggregate(frame))}
    if len(effect):
        texts["effects.csv"] = to_csv(effect)
    for name, table in tables.items():
        notes = left_out(effect) if name == "table" else ""
        texts |= {f"{name}.md": to_markdown(table) + notes, f"{name}.tex": to_latex(table)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _write_figures(
    frame: pd.DataFrame, folder: Path, formats: Sequence[str]
) -> tuple[dict[str, list[Plate]], list[Path]]:
    """Draw every figure and save it; each drawing is dropped before the next is made."""
    plates, paths = dict[str, list[Plate]](), list[Path]()
    for figure, drawing in drawings(frame):
        plate, written = make_plate(drawing, folder, formats)
        plates.setdefault(_heading(figure.shows), []).append(plate)
        paths += written
    return plates, paths


def _heading(words: str) -> str:
    """Begin with a capital, and write a product as one.

    >>> _heading("layers x targets")
    'Layers × targets'
    """
    return capital(words).replace(" x ", " × ")
