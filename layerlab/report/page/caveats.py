"""The limits of what a study shows, as sentences for the page."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from layerlab.analysis.significance.effects import seed_warning
from layerlab.names import first_of, task_name
from layerlab.report.page.about import About
from layerlab.report.style.caution import limit_sentences
from layerlab.report.style.wording import sweep_words
from layerlab.targets import language_of, sources_of

_INSTRUMENT = (
    "The languages {names} are invented. They show how the method works when typology is controlled; they "
    "are no evidence about natural languages."
)
_MOST_LISTED = 12


def caveats(frame: pd.DataFrame, effect: pd.DataFrame, about: About) -> list[str]:
    """List the limits of what a study, with its records and tested effects, shows; the most serious first."""
    found = [*_incomplete(about), *about.left_out, *_too_few_seeds(effect)]
    found += first_of([f"Not compared: {note}." for note in effect.attrs.get("notes", [])], _MOST_LISTED)
    if names := controlled_languages(frame, about):
        found.append(_INSTRUMENT.format(names=", ".join(names)))
    if len(effect):
        found += limit_sentences(effect)
    found += [*_mixed(about.nodes), *_corpora(about.nodes)]
    if len(effect):
        found.append(
            "Tests and intervals cover the variation over seeds. Languages are treated as fixed, and so are "
            "test sentences, except where a note says that intervals are over seeds and test sentences."
        )
    return found


def controlled_languages(frame: pd.DataFrame, about: About) -> list[str]:
    """Name the languages of a study that are invented; one whose data are ``controlled`` has no others."""
    from layerlab.languages.family import SHIPPED, shipped_family

    cells = {str(name) for column in ("source", "target") for name in frame[column].unique() if name}
    names = sorted({name for cell in cells for name in sources_of(cell)})
    data = about.settings.get("data")
    if isinstance(data, dict) and data.get("controlled") is not None:
        return names
    invented = {language for family in SHIPPED for language in shipped_family(family).languages}
    # A domain of a language is written after it, as in avin:news or avin-news.
    return [name for name in names if language_of(name).split("-")[0] in invented]


def _incomplete(about: About) -> list[str]:
    found = []
    if about.incomplete:
        found.append(
            f"The study is not complete: {about.complete:,} of {about.planned:,} planned runs are there. "
            "Everything below rests on these runs only."
        )
    return found + [f"Failed: {failure}" for failure in first_of(about.failures, _MOST_LISTED)]


def _too_few_seeds(effect: pd.DataFrame) -> list[str]:
    """Warn of too few seeds, once for each number of seeds, and say where if not everywhere."""
    where: dict[str, list[str]] = {}
    for _, part in effect.groupby(["model", "task", "source", "sweep"], sort=False):
        row = part.iloc[0]
        sweep = sweep_words(row["sweep"], part["options"])
        name = f"{row['model']}, {task_name(row['task'])} from {row['source']}, {sweep}"
        where.setdefault(seed_warning(int(part["n_seeds"].max())), []).append(name)
    if len(where) == 1:
        return [text for text in where if text]
    return [
        f"{text} This applies to {'; '.join(first_of(names, _MOST_LISTED))}."
        for text, names in where.items()
        if text
    ]


def _mixed(nodes: pd.DataFrame) -> list[str]:
    """List differences in hardware and versions, and uncommitted code."""
    if nodes.empty:
        return []
    found = []
    columns = [str(name) for name in nodes.columns if str(name).startswith("version_") or name == "device"]
    for column in columns:
        values = sorted({str(value) for value in nodes[column].dropna() if str(value)})
        if len(values) > 1:
            what = "hardware" if column == "device" else f"versions of {column.removeprefix('version_')}"
            found.append(f"Parts of the study were computed with different {what}: {', '.join(values)}.")
    commits = nodes["git_commit"].dropna().astype(str) if "git_commit" in nodes else pd.Series(dtype=str)
    if n_dirty := int(commits.str.endswith("-dirty").sum()):
        found.append(
            f"{n_dirty:,} of {len(nodes):,} parts were computed from a working tree with uncommitted "
            "changes (-dirty)."
        )
    return found


def _corpora(nodes: pd.DataFrame) -> list[str]:
    """List the notes on the corpora of fits and runs, each once."""
    found: dict[str, None] = {}
    for cell in nodes.get("corpus_notes", ()):
        found |= _notes("Data", _json(cell))
    for cell in nodes.get("targets", ()):
        targets = _json(cell)
        for name, facts in targets.items() if isinstance(targets, dict) else ():
            found |= _notes(f"Data of {name}", facts.get("notes") if isinstance(facts, dict) else None)
    return first_of(list(found), _MOST_LISTED)


def _notes(what: str, notes: Any) -> dict[str, None]:
    listed = notes if isinstance(notes, list) else []
    return {f"{what}: {str(note).rstrip('.')}.": None for note in listed}


def _json(cell: object) -> Any:
    """Read a nested fact; None where there is none."""
    try:
        return json.loads(cell) if isinstance(cell, str) and cell else None
    except ValueError:
        return None
