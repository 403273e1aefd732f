"""A large results directory of invented scores: ``python -m layerlab.bench.programs.invented STUDY RESULTS``.

Nodes have the files and records of real ones, sealed. They are written without waiting for the disk, runs
share a file of counts of sentences, and no jobs are written, so that a million nodes take minutes.
"""

from __future__ import annotations

import os
import random
import sys
from functools import cache
from pathlib import Path

from layerlab.analysis.sentences.counts import COUNTS
from layerlab.analysis.stored.record import Record, ScoreRow
from layerlab.analysis.stored.seal import RECORD, sealed
from layerlab.files import digest_file
from layerlab.names import plural
from layerlab.nodes.facts import Facts
from layerlab.nodes.kinds.evaluation.sentence_counts import write_run_counts
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.store.store import Store
from layerlab.study.directory.parts import prepare_store
from layerlab.study.study import Study
from layerlab.tasks.metrics.score import ratio_score

_SENTENCES, _WORDS = 40, 12
# Runs with the same counts share a file: file systems allow some 65,000 names for one.
_LINKS = 50_000


def write_results(study: Path, folder: Path) -> None:
    """Write complete nodes for a whole study."""
    plan, store = Study.from_yaml(study).plan(check=False), Store(folder)
    facts = Facts.gather("cpu", 1.0).model_dump()
    prepare_store(plan, store, jobs=False)
    counts: Path | None = None
    for number, item in enumerate(plan.nodes):
        place = f"{folder}/{plural(item.kind)}/{item.id}"
        os.makedirs(place)
        about = {**item.columns, f"{item.kind}_id": item.id, "title": item.title}
        rows: tuple[ScoreRow, ...] = ()
        files = {}
        if isinstance(item, Run):
            about["fit_id"] = item.fit
            rows = tuple(_row(item, target) for target in item.spec.targets)
            if counts is None or number % _LINKS == 0:
                counts = _counts(Path(place), item)
            else:
                os.link(counts, f"{place}/{COUNTS}")
            files[COUNTS] = {"bytes": counts.stat().st_size, "sha256": digest_file(counts)}
        record = Record(kind=item.kind, id=item.id, about=about, facts=facts, scores=rows)
        Path(place, RECORD).write_bytes(sealed(record.to_json(), files))


def _row(run: Run, target: str) -> ScoreRow:
    """Invent a score that differs by ablation, target and seed."""
    level = _level(str(run.columns["ablation"]), target)
    value = level + random.Random(f"{run.id} {target}").gauss(0.0, 0.01)
    return ScoreRow(target=target, split="test", metric="accuracy", value=value, n=_SENTENCES * _WORDS)


@cache
def _level(ablation: str, target: str) -> float:
    return random.Random(f"{ablation} {target}").uniform(0.4, 0.95)


def _counts(place: Path, run: Run) -> Path:
    """Write counts of sentences."""
    hits = [(number % _WORDS, _WORDS) for number in range(_SENTENCES)]
    score = ratio_score("accuracy", _SENTENCES * _WORDS, hits)
    write_run_counts(place, [(target, score) for target in run.spec.targets])
    return place / COUNTS


if __name__ == "__main__":
    write_results(Path(sys.argv[1]), Path(sys.argv[2]))
