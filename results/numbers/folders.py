"""The folders of the shipped studies: their records, read once, and their settings."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from layerlab.analysis.records.tidy import load_records
from layerlab.analysis.sentences.counts import load_counts
from layerlab.errors import RecordsError, unknown

RESULTS = Path(__file__).parents[1]
_FILES = ("records.csv", "alignment.csv")


@cache
def records(name: str) -> pd.DataFrame:
    """Read the records of a folder of results, such as ``e5-upos`` or ``e5-upos/probes``.

    Raises:
        RecordsError: There is no such folder, or it has no records; says which have.
    """
    for file in _FILES:
        if (RESULTS / name / file).is_file():
            return load_records(RESULTS / name / file)
    known = {path.parent.relative_to(RESULTS).as_posix() for file in _FILES for path in RESULTS.rglob(file)}
    raise RecordsError(unknown("folder with records in results/", name, known))


@cache
def counts(name: str) -> pd.DataFrame:
    """Read what the test sentences of a study contribute to its scores.

    Raises:
        RecordsError: Its folder has none.
    """
    return load_counts(RESULTS / name)


@cache
def settings(name: str) -> Any:
    """Read the study file of a folder of results.

    Raises:
        RecordsError: There is none; says which studies there are.
    """
    path = RESULTS / name / "study.yaml"
    if not path.is_file():
        raise RecordsError(unknown("study", name, [one.parent.name for one in RESULTS.glob("*/study.yaml")]))
    return YAML(typ="safe").load(path)
