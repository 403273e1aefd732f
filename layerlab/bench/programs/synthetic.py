"""A results directory with invented scores: ``python -m layerlab.bench.programs.synthetic STUDY RESULTS``.

It is written by the code that writes real ones, so that reading it costs what reading real results costs.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from layerlab.analysis.stored.record import Record, ScoreRow
from layerlab.files import publishing
from layerlab.nodes.facts import Facts
from layerlab.nodes.kinds.evaluation.sentence_counts import write_run_counts
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.store.store import Store
from layerlab.study.directory.frames import write_frames
from layerlab.study.directory.parts import prepare_store
from layerlab.study.study import Study
from layerlab.tasks.metrics.score import Score, ratio_score

_SENTENCES, _WORDS = 40, 12


def write_results(study: Path, folder: Path) -> None:
    """Write complete nodes for a whole study."""
    plan = Study.from_yaml(study).plan()
    facts = Facts.gather("cpu", 1.0).model_dump()
    with publishing(folder) as made:
        store = Store(made)
        prepare_store(plan, store)
        for item in plan.nodes:
            about = {**item.columns, f"{item.kind}_id": item.id, "title": item.title}
            scores: list[tuple[str, Score]] = []
            if isinstance(item, Run):
                about["fit_id"] = item.fit
                scores = [(target, _score(item, target)) for target in item.spec.targets]
            rows = tuple(
                ScoreRow(target=target, split="test", metric=score.metric, value=score.value, n=score.n)
                for target, score in scores
            )
            with store.publish(item.kind, item.id) as place:
                write_run_counts(place, scores)
                Record(kind=item.kind, id=item.id, about=about, facts=facts, scores=rows).write(place)
        write_frames(store)


def _score(run: Run, target: str) -> Score:
    """Invent a score that differs by ablation, target and seed."""
    stream = random.Random(f"{run.columns['ablation']} {target}")
    level = stream.uniform(0.4, 0.95)
    stream = random.Random(f"{run.id} {target}")
    hits = [sum(stream.random() < level for _ in range(_WORDS)) for _ in range(_SENTENCES)]
    return ratio_score("accuracy", _SENTENCES * _WORDS, [(one, _WORDS) for one in hits])


if __name__ == "__main__":
    write_results(Path(sys.argv[1]), Path(sys.argv[2]))
