"""A fit that is evaluated in the process that trained it gives the scores of the fit that was stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import Freeze, Reset, Skip
from layerlab.analysis.stored.record import read_json
from layerlab.nodes.jobs import write_node
from layerlab.nodes.kept import Kept
from layerlab.nodes.kinds.evaluation.fitted import Fitted, find_fitted, load_fitted
from layerlab.nodes.node import Work
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.study.study import Study
from layerlab.training.events import silent


@pytest.fixture
def standing(study: Study) -> Study:
    """One seed; a fit with a freeze and skips before and during it, evaluated as it is and rewound."""
    changed: dict[str, Any] = {
        "before": (Freeze("embeddings,0"), Skip("1")),
        "during": (Timed(0.5, Skip("2", components=("ffn",))),),
    }
    both = (
        Ablation(name="held", **changed),
        Ablation(name="held-rewound", **changed, after=(Reset("3", to="pretrained"),)),
    )
    return study.model_copy(update={"seeds": (0,), "ablations": both})


def test_a_fit_in_memory_scores_as_the_one_on_the_disk(standing: Study, tmp_path: Path) -> None:
    """Standing interventions hold, weights are bit for bit the stored ones, and the record says it."""
    plan = standing.plan(check=False)
    outcomes = {}
    for name, shortcuts in (("warm", "warm-fits"), ("plain", "none")):
        done = plan.run(tmp_path / name, workers=0, device="cpu", progress=False, shortcuts=shortcuts)
        assert done.good, done.status.failures
        outcomes[name] = [read_json(done.store.folder("run", run.id) / "record.json") for run in plan.runs]
    warm, plain = outcomes["warm"], outcomes["plain"]
    assert [one["scores"] for one in warm] == [one["scores"] for one in plain]
    assert [one["node"]["shortcuts"] for one in plain] == [{}, {}]
    said = [one["node"]["shortcuts"]["warm-fits"] for one in warm]
    assert said == ["evaluated in the process that trained it"] * 2


def test_what_is_kept_of_a_fit_is_what_loading_gives(standing: Study, tmp_path: Path) -> None:
    plan, store = standing.plan(check=False), Store(tmp_path)
    settings = WorkSettings(device="cpu")
    for item in plan.nodes:
        write_node(store, item)
    work = Work(store, settings, silent, Kept())
    plan.fits[0].execute(work)
    warm, cold = find_fitted(work, plan.fits[0].id), load_fitted(work, plan.fits[0].id)
    assert (warm.is_warm, cold.is_warm) == (True, False)
    assert find_fitted(work, plan.fits[0].id) is warm
    states = [one.model.state_dict() for one in (warm, cold)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert learning(warm) == learning(cold)
    assert not any(module.training for module in warm.model.modules())
    assert all(parameter.grad is None for parameter in warm.model.parameters())


def test_a_fit_without_room_is_loaded(standing: Study, tmp_path: Path) -> None:
    plan, store = standing.plan(check=False), Store(tmp_path)
    write_node(store, plan.fits[0])
    work = Work(store, WorkSettings(device="cpu"), silent, Kept(room=1000))
    plan.fits[0].execute(work)
    assert not find_fitted(work, plan.fits[0].id).is_warm


def learning(fitted: Fitted) -> dict[str, Any]:
    """Return which parameters learn."""
    return {name: parameter.requires_grad for name, parameter in fitted.model.named_parameters()}
