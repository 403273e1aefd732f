"""Weights that no run waits for go on request, and come back when a run needs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.ablation.ablation import Ablation
from layerlab.ablation.interventions import FitDonor, Reset, Swap
from layerlab.analysis.records.tidy import load_nodes, load_records
from layerlab.nodes.store.store import Store
from layerlab.study.directory.parts import prepare_store
from layerlab.study.directory.pruning import find_prunable, prune, revive
from layerlab.study.study import Study
from tests.fixtures.command_line import Call

REWIND = Ablation(name="rewind", after=(Reset("0", to="pretrained"),))
LOWER = Ablation(name="lower", after=(Swap("first:2", donor=FitDonor(source="bb")),))


@pytest.fixture
def small(study: Study) -> Study:
    """Baseline and one fresh pair, one seed: 2 runs over 2 fits."""
    fresh = Ablation(name="fresh", before=(Reset("0-1"),))
    return study.model_copy(update={"seeds": (0,), "ablations": (Ablation.none(), fresh)})


def run(study: Study, folder: Path) -> pd.Series[Any]:
    outcome = study.plan().run(folder, workers=0, progress=False)
    assert outcome.good, outcome.status.failures
    return load_records(folder).set_index(["ablation", "target", "metric"])["value"].sort_index()


def prune_all(study: Study, folder: Path) -> list[str]:
    store = Store(folder)
    fits = [one.node for one in find_prunable(study.plan(), store)]
    prune(store, fits)
    return [fit.id for fit in fits]


def test_pruned_fits_stay_complete_and_are_not_done_again(small: Study, tmp_path: Path) -> None:
    frame = run(small, tmp_path)
    (tmp_path / "work" / "removed-0123").mkdir(parents=True)  # as an interrupted call leaves it
    fits = prune_all(small, tmp_path)
    assert len(fits) == 2
    assert not any(Store(tmp_path).model(fit_id).exists() for fit_id in fits)
    assert find_prunable(small.plan(), Store(tmp_path)) == []
    outcome = small.plan().run(tmp_path, workers=0, progress=False)
    assert (outcome.good, outcome.n_new) == (True, 0)
    pd.testing.assert_series_equal(run(small, tmp_path), frame)
    assert set(load_nodes(tmp_path)["kind"]) == {"fit", "run"}
    assert list((tmp_path / "work").iterdir()) == []


def test_a_new_run_brings_its_fit_back_with_the_same_numbers(small: Study, tmp_path: Path) -> None:
    more = small.model_copy(update={"ablations": (*small.ablations, REWIND)})
    expected = run(more, tmp_path / "whole")
    run(small, tmp_path / "pruned")
    prune_all(small, tmp_path / "pruned")
    pd.testing.assert_series_equal(run(more, tmp_path / "pruned"), expected, check_exact=True)
    store = Store(tmp_path / "pruned")
    there = {fit.id for fit in more.plan().fits if store.model(fit.id).is_dir()}
    assert there == {run.fit for run in more.plan().runs if run.columns["ablation"] == "rewind"}


def test_what_is_awaited_keeps_its_weights(small: Study, tmp_path: Path) -> None:
    run(small, tmp_path)
    more = small.model_copy(update={"ablations": (*small.ablations, REWIND)}).plan()
    (only,) = find_prunable(more, Store(tmp_path))
    assert "reset(0-1)" in only.node.title
    assert only.n_bytes > 10_000
    assert revive(more, Store(tmp_path)) == []


def test_what_a_larger_plan_waits_for_keeps_its_weights(small: Study, tmp_path: Path) -> None:
    run(small, tmp_path)
    larger = small.model_copy(update={"ablations": (*small.ablations, REWIND)}).plan()
    prepare_store(larger, Store(tmp_path))  # as a process that has just begun leaves it
    (only,) = find_prunable(small.plan(), Store(tmp_path))
    assert "reset(0-1)" in only.node.title
    (tmp_path / "leases").mkdir(exist_ok=True)
    (tmp_path / "leases" / "0123").touch()
    (tmp_path / "leases" / larger.runs[-1].id).touch()  # at work, though the last plan is the small one
    prepare_store(small.plan(), Store(tmp_path))
    assert [one.node for one in find_prunable(small.plan(), Store(tmp_path))] == [only.node]


def test_donors_that_were_pruned_come_back_too(small: Study, tmp_path: Path) -> None:
    study = small.model_copy(update={"ablations": (Ablation.none(), LOWER)})
    expected = run(study, tmp_path / "whole")
    both = small.model_copy(update={"sources": ("aa", "bb"), "ablations": (Ablation.none(),)})
    run(both, tmp_path / "pruned")
    assert len(prune_all(both, tmp_path / "pruned")) == 2
    pd.testing.assert_series_equal(run(study, tmp_path / "pruned"), expected, check_exact=True)


def test_the_command_says_what_went_and_keeps_what_it_is_told_to(
    small: Study, tmp_path: Path, call: Call
) -> None:
    run(small, tmp_path / "r")
    file = tmp_path / "study.yaml"
    file.write_text(small.to_yaml(), encoding="utf-8")
    arguments = ("prune", file, "--results", tmp_path / "r")
    assert "would remove the weights of 2 fits" in call(*arguments, "--dry-run")[1]
    assert len(find_prunable(small.plan(), Store(tmp_path / "r"))) == 2
    assert "removed the weights of 1 fit, " in call(*arguments, "--keep", "ablation=none")[1]
    assert "removed the weights of 1 fit, " in call(*arguments)[1]
    assert "removed the weights of 0 fits" in call(*arguments)[1]
    fit = next((tmp_path / "r" / "fits").iterdir())
    code, _, message = call("measure", fit, "--parallel", file, "--pair-with", "aa")
    assert code == 2
    assert "weights were removed" in message


def test_a_run_to_keep_that_is_not_in_the_plan_is_refused(small: Study, tmp_path: Path, call: Call) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(small.to_yaml(), encoding="utf-8")
    code, _, message = call("prune", file, "--results", tmp_path / "r", "--keep", "ablation=first")
    assert code == 2
    assert "'first'" in message
    assert "fresh" in message
