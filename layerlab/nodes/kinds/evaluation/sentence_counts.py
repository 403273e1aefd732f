"""The counts of sentences of one run, as a file beside its record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from layerlab.analysis.sentences.counts import COUNTS
from layerlab.tasks.task import Score

_COLUMNS = ("target", "metric", "part", "sentence", "hits", "total")


def write_run_counts(folder: Path, scores: Iterable[tuple[str, Score]]) -> Path | None:
    """Write what each sentence contributes to the scores of a run.

    Args:
        folder: The run's folder.
        scores: Target and score; scores without counts are left out.

    Returns:
        The file; None if no score has counts.
    """
    parts = [part for target, score in scores for part in _parts(target, score)]
    if not parts:
        return None
    frame = pd.concat(parts, ignore_index=True)
    kinds = {name: "category" if name in ("target", "metric", "part") else "int32" for name in _COLUMNS}
    frame.astype(kinds).to_parquet(folder / COUNTS, index=False, compression="zstd")
    return folder / COUNTS


def _parts(target: str, score: Score) -> Iterator[pd.DataFrame]:
    if score.counts is None:
        return
    for number, (hits, total) in enumerate(zip(score.counts.hits, score.counts.total, strict=True)):
        named = {"target": target, "metric": score.metric, "part": str(number)}
        yield pd.DataFrame(named | {"sentence": range(len(hits)), "hits": hits, "total": total})
