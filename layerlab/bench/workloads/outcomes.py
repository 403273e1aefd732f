"""What contenders computed, read from what they wrote, so that a reader sees that all did the same."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

from layerlab.bench.workload import Outcome


def read_study(folder: Path) -> Outcome:
    """Read steps and the mean score of a study's results."""
    from layerlab.analysis.records.nodes import load_nodes
    from layerlab.analysis.records.tidy import load_records

    records, nodes = load_records(folder / "results"), load_nodes(folder / "results")
    scores = records[records["main"].astype(bool)]["value"]
    steps = int(nodes["n_steps"].sum()) if "n_steps" in nodes else 0
    return Outcome(steps or None, float(scores.mean()) if len(scores) else None)


def read_trainer(folder: Path) -> Outcome:
    """Read steps and the mean score of the Trainer's fits."""
    fits = json.loads((folder / "output" / "results.json").read_text(encoding="utf-8"))
    scores = [score for one in fits for score in one["scores"].values()]
    return Outcome(sum(one["steps"] for one in fits), fmean(scores))
