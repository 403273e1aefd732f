"""A study of eight pretrainings, killed at twenty random moments, ends as if nothing had happened."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from layerlab.files import digest_file
from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.study.study import Study, StudyPlan
from tests.kill_and_resume import Process, Trial

KILLS = 20
SEED = 0
LANGUAGES = ("ilda", "jora")
SPEC: dict[str, Any] = {
    "name": "tiny",
    "architecture": {
        "model_type": "modernbert",
        "options": {
            "num_hidden_layers": 2,
            "hidden_size": 32,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "max_position_embeddings": 64,
            "global_attn_every_n_layers": 1,  # layers that are alike
        },
    },
    "corpora": {one: {"controlled": one, "family": "instrument", "sentences": 400} for one in LANGUAGES},
    "vocab_size": 200,
    "alphabet": 60,
    "sequence_length": 32,
    "batch_sequences": 8,
    "warmup_steps": 10,
    "steps": 60,
    "held_out_sequences": 4,
    "evaluate_every": 20,
}
#: A place in a study: a node, what happened there, and at which step.
Mark = tuple[str, str, int | None]
#: What is other in each of the pretrainings.
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "other domain": {"corpora.jora.domain": "talk"},
    "no anchors": {"factors.vocabulary": "none"},
    "own pieces": {"factors.vocabulary": "separate"},
    "extra anchors": {"anchors": {"dictionaries": "controlled", "share": 1, "rate": 0.3, "most": 0.15}},
    "own embeddings": {"factors.separate": {"embeddings": True}},
    "own layer": {"factors.separate": {"layers": "1"}},
    "short": {"steps": 50, "keep_at": [20, 40]},
}


@dataclass(frozen=True)
class Moment:
    """So many seconds after something was done, or after a process was started; at most until the next thing.

    A machine that is faster than it was before passes nothing that way.
    """

    after: Mark | None
    seconds: float
    until: Mark


def eight_pretrainings(folder: Path) -> StudyPlan:
    """Write the study, with one fine-tuning of each encoder and of one that is kept on the way."""
    (folder / "spec.yaml").write_text(json.dumps(SPEC), encoding="utf-8")
    spec = str(folder / "spec.yaml")
    study = Study.model_validate(
        {
            "name": "eight",
            "pretrainings": {name: {"spec": spec, "set": changes} for name, changes in VARIANTS.items()},
            "models": [*VARIANTS, "short@20"],
            "tasks": ["upos"],
            "data": {"controlled": {"family": "instrument", "train": 40, "dev": 20, "test": 20}},
            "sources": LANGUAGES[:1],
            "targets": LANGUAGES[1:],
            "seeds": [0],
            "ablations": ["none"],
            # Without weights a kill between a fit and its run costs the fit again.
            "keep": "all",
            "training": {"epochs": 1, "learning_rate": 1e-3, "batch_size": 8},
        }
    )
    (folder / "study.yaml").write_text(study.to_yaml(), encoding="utf-8")
    return study.plan()


def start(results: Path, workers: int = 1) -> Process:
    """Start ``layerlab run`` on one thread, in a group of processes of its own."""
    verb = ["run", str(results.parent / "study.yaml"), "--results", str(results), "--device", "cpu"]
    more = ["--workers", str(workers), "--checkpoint-seconds", "0.05", "--no-report"]
    command = [sys.executable, "-m", "layerlab", *verb, *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return Process(lambda: os.execve(command[0], command, environment), results.parent / "runs.log")


def events(results: Path) -> list[tuple[Mark, dict[str, Any]]]:
    """List what has been done, in order; lines that a kill cut off are no events."""
    found = []
    for path in results.glob("events/*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):
                event = json.loads(line)
                found.append(((path.stem, event["event"], event.get("step")), event))
    return sorted(found, key=lambda one: one[1]["time"])


def starts(results: Path) -> Counter[str]:
    """Count how often each node was begun."""
    return Counter(node for (node, what, _), _ in events(results) if what == "start")


def draw_moments(undisturbed: Path, began: float, chance: random.Random) -> list[Moment]:
    """Draw moments of a run, up to its last node: those of work in order, those of its start in between."""
    # How long steps take decides which of them are events.
    happened = [(mark, event["time"]) for mark, event in events(undisturbed) if mark[1] != "step"]
    last = max(index for index, ((_, what, _), _) in enumerate(happened) if what == "start")
    early, late = [], []
    for when in sorted(chance.uniform(began, happened[last][1]) for _ in range(KILLS)):
        index = sum(time <= when for _, time in happened)
        until = happened[index][0]
        if index:
            after, passed = happened[index - 1]
            late.append(Moment(after, when - passed, until))
        else:
            early.append(Moment(None, when - began, until))
    for moment in early:
        late.insert(chance.randrange(len(late)), moment)
    return late


def wait(process: Process, results: Path, moment: Moment) -> None:
    """Wait until a started study has come to a moment."""
    before, marks = len(events(results)), set[Mark]()
    reached = time.monotonic() if moment.after is None else math.inf
    while process.poll() is None and time.monotonic() < reached + moment.seconds:
        now = events(results)
        if len(now) > before:
            marks = {mark for mark, _ in now}
        if moment.after in marks:
            reached = min(reached, time.monotonic())
        if moment.until in marks:
            break
        time.sleep(0.03)


def kill_group(process: Process) -> bool:
    """Kill a process and all that it started, at one instant; return False if it has ended by itself."""
    if process.poll() is not None:
        return False
    while os.getpgid(process.pid) != process.pid:  # it has just been forked
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


def strike(trial: Trial, results: Path, moments: Sequence[Moment]) -> int:
    """Kill a study at each of some moments, then let it end; return how often it was killed."""
    seen: dict[Path, tuple[int, int]] = {}
    kills = 0
    for moment in moments:
        begun, process = starts(results), start(results, trial.chance.randrange(2))
        wait(process, results, moment)
        kills += kill_group(process)
        trial.count_orphans([process])
        seen = compare(trial, results, seen, begun)
    begun = starts(results)
    if start(results).wait() != 0:
        trial.fault("failed", "the last run, see runs.log")
    compare(trial, results, seen, begun)
    return kills


def compare(
    trial: Trial, results: Path, seen: dict[Path, tuple[int, int]], begun: Counter[str]
) -> dict[Path, tuple[int, int]]:
    """Return the complete nodes; none of those before may be gone, written again, or begun again."""
    now = starts(results)
    for node in {path.parent.name for path in seen}:
        if now[node] != begun[node]:
            trial.fault("done again", f"{node} was begun again")
    return trial.compare(results, seen)


def left_by(model: Path) -> dict[str, Any]:
    """Return what must be the same in a pretraining: its curves, and the digest of all that it made."""
    kept = [path for path in model.rglob("*.*") if path.suffix in {".safetensors", ".json"}]
    made = {str(path.relative_to(model)): digest_file(path) for path in kept if path.name != "training.json"}
    if (model / "training.json").is_file():
        facts = json.loads((model / "training.json").read_text(encoding="utf-8"))
        made |= {name: facts[name] for name in ("losses", "held_out", "tokens_seen", "steps_done")}
    return made


@pytest.mark.slow
def test_eight_pretrainings_killed_at_twenty_moments_lose_nothing(tmp_path: Path) -> None:
    plan = eight_pretrainings(tmp_path)
    undisturbed, results = tmp_path / "undisturbed", tmp_path / "killed"
    began = time.time()
    assert start(undisturbed).wait() == 0, (tmp_path / "runs.log").read_text(encoding="utf-8")
    moments = draw_moments(undisturbed, began, chance := random.Random(SEED))
    trial = Trial(plan, tmp_path, time.time() - began, 0, chance)
    assert strike(trial, results, moments) == KILLS
    trial.judge(results)
    assert not trial.faults
    assert sum(n > 1 for n in starts(results).values()) > 3, "too few kills were in the midst of a node"
    assert any(event.get("from") for _, event in events(results)), "nothing went on from a checkpoint"
    for job in plan.of(Pretraining):
        one, other = (folder / "pretrainings" / job.id / "model" for folder in (undisturbed, results))
        assert left_by(one) == left_by(other)
        assert any(name.endswith(".safetensors") for name in left_by(one))
