"""A plan says how long the rest takes by what was measured."""

from __future__ import annotations

import json
from pathlib import Path

from layerlab.nodes.store.store import Store
from layerlab.study.costs.pace import describe_pace, n_steps
from layerlab.study.directory.pruning import prune
from layerlab.study.study import Study, StudyPlan


def complete(plan: StudyPlan, store: Store, kind: str, node_id: str, **facts: float) -> None:
    """Leave the record of a node that took a number of seconds, and the weights of a fit."""
    folder = store.folder(kind, node_id)
    (folder / "model" if kind == "fit" else folder).mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps({"node": facts}), encoding="utf-8")


def test_the_rest_takes_what_the_median_of_the_same_sort_took(study: Study, tmp_path: Path) -> None:
    """Six fits of 12 steps and eight runs: five fits of 120 s and seven runs of 30 s are left."""
    plan, store = study.plan(), Store(tmp_path)
    assert describe_pace(plan, store) == ""
    assert n_steps(plan, plan.fits[0]) == 12
    complete(plan, store, "fit", plan.fits[0].id, seconds=200.0, training_seconds=120.0, n_steps=12)
    said = describe_pace(plan, store)
    assert said.startswith("about 10 min of one worker for 5 of 13 nodes left")
    assert said.endswith("nothing was measured for the other 8")
    complete(plan, store, "run", plan.runs[0].id, seconds=30.0)
    assert describe_pace(plan, store) == (
        "about 14 min of one worker for 12 of 12 nodes left, by those complete"
    )
    assert "time       about 14 min of one worker" in plan.describe(store)


def test_a_trajectory_comes_with_its_fit_or_takes_another_training(study: Study, tmp_path: Path) -> None:
    plan, store = study.model_copy(update={"trajectory": "epochs"}).plan(), Store(tmp_path)
    complete(plan, store, "fit", plan.fits[0].id, seconds=200.0, training_seconds=120.0, n_steps=12)
    assert describe_pace(plan, store).startswith("about 12 min of one worker for 6 of 14 nodes left")
    mine = next(
        item.id
        for item in plan.nodes
        if getattr(item, "fit", "") == plan.fits[0].id and item.kind == "trajectory"
    )
    complete(plan, store, "trajectory", mine, seconds=150.0)
    assert describe_pace(plan, store).startswith("about 10 min of one worker for 5 of 13 nodes left")


def test_a_complete_fit_whose_weights_are_gone_counts_if_a_run_needs_them(
    study: Study, tmp_path: Path
) -> None:
    plan, store = study.plan(), Store(tmp_path)
    for fit in plan.fits:
        complete(plan, store, "fit", fit.id, seconds=200.0, training_seconds=120.0, n_steps=12)
    for run in plan.runs[1:]:
        complete(plan, store, "run", run.id, seconds=30.0)
    assert describe_pace(plan, store).startswith("about 30 s of one worker for 1 of 1 nodes left")
    assert "trained again" not in plan.describe(store)
    prune(store, plan.fits)
    assert describe_pace(plan, store).startswith("about 2 min of one worker for 2 of 2 nodes left")
    assert "1 of these fits are trained again" in plan.describe(store)
