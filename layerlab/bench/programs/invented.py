"""A large results directory of invented scores: ``python -m layerlab.bench.programs.invented STUDY RESULTS``.

Nodes have the files and records of real ones, sealed. They are written without waiting for the disk, and all
runs of a study have the same counts of sentences, so that a million nodes take minutes.
"""

from __future__ import annotations

import random
import sys
from functools import cache
from pathlib import Path

from layerlab.analysis.sentences.counts import COUNTS
from layerlab.analysis.stored.record import Record, ScoreRow
from layerlab.analysis.stored.seal import seal
from layerlab.nodes.facts import Facts
from layerlab.nodes.kinds.evaluation.sentence_counts import write_run_counts
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.store.store import Store
from layerlab.study.parts import prepare_store
from layerlab.study.study import Study
from layerlab.tasks.metrics.score import ratio_score

_SENTENCES, _WORDS = 40, 12


def write_results(study: Path, folder: Path) -> None:
    """Write complete nodes for a whole study."""
    plan, store = Study.from_yaml(study).plan(check=False), Store(folder)
    facts = Facts.gather("cpu", 1.0).model_dump()
    prepare_store(plan, store)
    counts: bytes | None = None
    for item in plan.nodes:
        place = store.folder(item.kind, item.id)
        place.mkdir(parents=True)
        about = {**item.columns, f"{item.kind}_id": item.id, "title": item.title}
        rows: tuple[ScoreRow, ...] = ()
        if isinstance(item, Run):
            about["fit_id"] = item.fit
            rows = tuple(_row(item, target) for target in item.spec.targets)
            counts = counts or _counts(place, item)
            (place / COUNTS).write_bytes(counts)
        Record(kind=item.kind, id=item.id, about=about, facts=facts, scores=rows).write(place)
        seal(place)


def _row(run: Run, target: str) -> ScoreRow:
    """Invent a score that differs by ablation, target and seed."""
    level = _level(str(run.columns["ablation"]), target)
    value = level + random.Random(f"{run.id} {target}").gauss(0.0, 0.01)
    return ScoreRow(target=target, split="test", metric="accuracy", value=value, n=_SENTENCES * _WORDS)


@cache
def _level(ablation: str, target: str) -> float:
    return random.Random(f"{ablation} {target}").uniform(0.4, 0.95)


def _counts(place: Path, run: Run) -> bytes:
    hits = [(number % _WORDS, _WORDS) for number in range(_SENTENCES)]
    score = ratio_score("accuracy", _SENTENCES * _WORDS, hits)
    file = write_run_counts(place, [(target, score) for target in run.spec.targets])
    return file.read_bytes() if file else b""


if __name__ == "__main__":
    write_results(Path(sys.argv[1]), Path(sys.argv[2]))
