"""Fits of a study that see the same batches are trained together, and each is published alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import Freeze, Reset
from layerlab.finetuning import stacked_fits
from layerlab.nodes.jobs import write_node
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.nodes.worker import run_nodes
from layerlab.study.plan import Plan
from tests.fixtures.studies import make_study

TOGETHER = WorkSettings(device="cpu", shortcuts=("cohorts", "trimming"), cohorts_on_cpu=True)
PLAIN = WorkSettings(device="cpu", shortcuts=())


@pytest.fixture(scope="module")
def plan(treebanks: Path, tiny_encoder: Path) -> Plan:
    """The baseline, two resets and a freeze; two seeds."""
    ablations = [
        Ablation.none(),
        Ablation(name="lower", before=(Reset("0-1"),)),
        Ablation(name="upper", before=(Reset("2-3"),)),
        Ablation(name="frozen", before=(Freeze("0"),)),
        Ablation(name="late", during=(Timed(0.5, Reset("1")),)),
    ]
    return make_study(treebanks, tiny_encoder, ablations=ablations, targets=["aa", "bb"]).plan()


def records(store: Store, kind: str) -> dict[str, Any]:
    """Return the records of a kind by id."""
    paths = store.root.glob(f"{kind}s/*/record.json")
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def nodes_of(plan: Plan, seed: int) -> Iterator[Fit | Run]:
    """Yield the fits of a seed that may be members, and their runs."""
    fits = [fit for fit in plan.of(Fit) if fit.spec.seed == seed]
    chosen = {fit.id for fit in fits if not fit.during and "freeze" not in fit.title}
    yield from (fit for fit in fits if fit.id in chosen)
    yield from (run for run in plan.of(Run) if run.fit in chosen)


def carry_out(root: Path, plan: Plan, settings: WorkSettings) -> bool:
    """Carry out the fits of seed 0 that may be members, and their runs."""
    store, nodes = Store(root), list(nodes_of(plan, 0))
    for item in nodes:
        write_node(store, item)
    return run_nodes(root, [item.id for item in nodes], settings)


@pytest.fixture(scope="module")
def plain(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The plain way's results."""
    root = tmp_path_factory.mktemp("plain")
    assert carry_out(root, plan, PLAIN)
    return Store(root)


def assert_same(found: Store, plain: Store, n_shared: int) -> None:
    """Compare records: ids, scores, best epochs, receipts; losses within rounding."""
    ours, theirs = records(found, "run"), records(plain, "run")
    assert {name: one["scores"] for name, one in ours.items()} == {
        name: one["scores"] for name, one in theirs.items()
    }
    assert records(found, "fit").keys() == records(plain, "fit").keys()
    for node_id, one in records(plain, "fit").items():
        facts, expected = records(found, "fit")[node_id]["node"], one["node"]
        assert facts["best_epoch"] == expected["best_epoch"]
        assert facts["receipts"] == expected["receipts"]
        losses = [entry["loss"] for entry in expected["history"]]
        assert [entry["loss"] for entry in facts["history"]] == pytest.approx(losses, rel=1e-5)
    notes = [one["node"]["shortcuts"].get("cohorts") for one in records(found, "fit").values()]
    assert notes.count(f"one of {n_shared}") == n_shared


def test_a_study_has_the_same_records_with_cohorts(plan: Plan, plain: Store, tmp_path: Path) -> None:
    assert carry_out(tmp_path, plan, TOGETHER)
    assert len(records(Store(tmp_path), "run")) == 3
    assert_same(Store(tmp_path), plain, 3)
    assert not list((tmp_path / "work").glob("*"))


@pytest.mark.parametrize("then", [TOGETHER, PLAIN])
def test_a_killed_cohort_goes_on_as_one_or_apart(
    plan: Plan, plain: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: WorkSettings
) -> None:
    """A member's checkpoint is that of an ordinary fit."""

    class Killed(BaseException):
        pass

    def stop(self: Any, batch: Any, step: int) -> Any:
        if step == 7:
            raise Killed
        return take(self, batch, step)

    take = stacked_fits.StackedFits._take_step
    monkeypatch.setattr(stacked_fits.StackedFits, "_take_step", stop)
    settings = WorkSettings(0.0, "cpu", None, TOGETHER.shortcuts, cohorts_on_cpu=True)
    with pytest.raises(Killed, match="^$"):
        carry_out(tmp_path, plan, settings)
    monkeypatch.undo()
    assert carry_out(tmp_path, plan, then)
    resumed = [one["node"]["resumed_at"] for one in records(Store(tmp_path), "fit").values()]
    assert resumed == [7, 7, 7]
    assert_same(Store(tmp_path), plain, 3 if then is TOGETHER else 0)


def test_a_record_says_why_a_fit_is_no_member(plan: Plan, tmp_path: Path) -> None:
    frozen = next(fit for fit in plan.of(Fit) if "freeze" in fit.title)
    write_node(Store(tmp_path), frozen)
    assert run_nodes(tmp_path, [frozen.id], TOGETHER)
    (record,) = records(Store(tmp_path), "fit").values()
    assert record["node"]["shortcuts"]["cohorts"] == "refused: freeze stands during fine-tuning"


def test_fits_join_that_differ_in_their_first_weights_alone(plan: Plan) -> None:
    fits = plan.of(Fit)
    groups = Fit.join(fits, TOGETHER)
    sizes = sorted(len(group) for group in groups)
    assert sizes == [1, 1, 1, 1, 3, 3]
    assert all(len({fit.spec.seed for fit in group}) == 1 for group in groups)
    assert {len(group) for group in Fit.join(fits, PLAIN)} == {1}
    assert {len(group) for group in Fit.join(fits, WorkSettings(device="cpu"))} == {1}


def test_long_sweeps_are_cut_into_even_cohorts(plan: Plan) -> None:
    first = next(fit for fit in plan.of(Fit) if not fit.before and not fit.during)
    many = [first.model_copy(update={"before": (Reset(str(layer)),)}) for layer in range(13)]
    assert [len(group) for group in Fit.join(many, TOGETHER)] == [7, 6]
