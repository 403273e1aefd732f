"""A study keeps the weights that are needed; what a kill leaves is enough to go on with the same numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from transformers import PreTrainedModel

from layerlab.ablation.ablation import Ablation
from layerlab.ablation.interventions import FitDonor, Reset, Swap
from layerlab.analysis.records.tidy import load_records
from layerlab.errors import StudyError
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.nodes.worker import run_nodes
from layerlab.study.directory.keeping import Keeping
from layerlab.study.directory.parts import prepare_store
from layerlab.study.study import Study, StudyPlan

KEY = ["run_id", "target", "metric"]


@pytest.fixture
def swaps(study: Study) -> Study:
    """One seed, three fits: the baseline, one with fresh layers, and a donor; a rewind and a swap."""
    ablations = (
        Ablation.none(),
        Ablation(name="fresh", before=(Reset("0-1"),)),
        Ablation(name="rewind", after=(Reset("0", to="pretrained"),)),
        Ablation(name="lower", before=(Reset("3"),), after=(Swap("first:2", donor=FitDonor(source="bb")),)),
    )
    training = study.training_for("upos").model_copy(update={"epochs": 1})
    changes = {"seeds": (0,), "ablations": ablations, "keep": "needed", "training": training}
    return study.model_copy(update=changes)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the fits whose weights are written, in order."""
    ids: list[str] = []
    save = PreTrainedModel.save_pretrained

    def noting(self: PreTrainedModel, folder: Path) -> None:
        ids.append(Path(folder).parent.name.split(".")[0].strip("."))
        save(self, folder)

    monkeypatch.setattr(PreTrainedModel, "save_pretrained", noting)
    return ids


def carry_out(plan: StudyPlan, folder: Path, **options: object) -> pd.DataFrame:
    done = plan.run(folder, **{"workers": 0, "device": "cpu", "progress": False, **options})
    assert done.good, done.status.failures
    return load_records(folder).sort_values(KEY, ignore_index=True)


def with_weights(plan: StudyPlan, folder: Path) -> set[str]:
    """Return the ids of the fits whose weights are there."""
    return {fit.id for fit in plan.fits if (Store(folder).model(fit.id) / "model.safetensors").is_file()}


def test_what_is_kept_is_what_was_chosen(swaps: Study, tmp_path: Path) -> None:
    """Every choice gives the same records."""
    plan = swaps.plan(check=False)
    (donor,) = (fit.id for fit in plan.fits if fit.source == "bb")
    frames = [carry_out(plan, tmp_path / keep, keep=keep) for keep in ("all", "needed", "none")]
    for frame in frames[1:]:
        pd.testing.assert_frame_equal(frame, frames[0])
    there = [with_weights(plan, tmp_path / keep) for keep in ("all", "needed", "none")]
    assert there == [{fit.id for fit in plan.fits}, {donor}, set()]
    assert [set(Keeping(plan.all_nodes, keep).kept()) for keep in ("all", "needed", "none")] == there
    assert plan.run(tmp_path / "none", workers=0, progress=False).n_new == 0


def test_weights_are_written_where_something_reads_them(
    swaps: Study, tmp_path: Path, written: list[str]
) -> None:
    """Of the others those of long fits, so that a kill before their runs loses nothing."""
    plan = swaps.plan(check=False)
    stored = set(Keeping(plan.all_nodes, "needed").stored)
    assert len(stored) == 2  # the donor, and the fit whose run waits for it
    carry_out(plan, tmp_path / "quick")
    assert len(written) == 2
    written.clear()
    carry_out(plan, tmp_path / "long", checkpoint_seconds=0.0)
    assert len(written) == len(plan.fits)
    assert len(with_weights(plan, tmp_path / "long")) == 1
    written.clear()
    carry_out(plan, tmp_path / "plain", shortcuts="none")
    assert len(written) == len(plan.fits)


@pytest.mark.parametrize(("checkpoint_seconds", "again"), [(60.0, True), (0.0, False)])
def test_a_kill_before_the_runs_loses_no_long_fit(
    swaps: Study, tmp_path: Path, checkpoint_seconds: float, again: bool
) -> None:
    """A short fit is trained again, a long one is read from the disk; the records are the same."""
    plan = swaps.plan(check=False)
    expected = carry_out(plan, tmp_path / "whole")
    store, settings = Store(tmp_path / "killed"), WorkSettings(checkpoint_seconds, "cpu")
    prepare_store(plan, store)
    assert run_nodes(store.root, [plan.fits[0].id], settings)  # its runs never came
    record = store.folder("fit", plan.fits[0].id) / "record.json"
    assert json.loads(record.read_text(encoding="utf-8"))["node"]["n_steps"] == 6
    before = record.stat().st_mtime_ns
    frame = carry_out(plan, store.root, checkpoint_seconds=checkpoint_seconds)
    pd.testing.assert_frame_equal(frame, expected)
    assert (record.stat().st_mtime_ns != before) == again
    assert len(with_weights(plan, store.root)) == 1


def test_a_worker_brings_back_what_is_neither_in_memory_nor_on_the_disk(swaps: Study, tmp_path: Path) -> None:
    """As after a worker that died between a fit and its runs."""
    plan, store = swaps.plan(check=False), Store(tmp_path)
    prepare_store(plan, store)
    settings = WorkSettings(device="cpu")
    assert run_nodes(store.root, [plan.fits[0].id], settings)
    assert not store.model(plan.fits[0].id).exists()
    runs = [run.id for run in plan.runs if run.needs == (plan.fits[0].id,)]
    assert len(runs) == 2
    assert run_nodes(store.root, runs, settings)


def test_what_is_kept_changes_no_identity_and_a_wrong_choice_is_named(swaps: Study, tmp_path: Path) -> None:
    plan = swaps.plan(check=False)
    ids = [item.id for item in plan.nodes]
    assert [item.id for item in swaps.model_copy(update={"keep": "all"}).plan(check=False).nodes] == ids
    with pytest.raises(StudyError, match="unknown choice 'al'; did you mean 'all'"):
        plan.run(tmp_path, keep="al")
    path = tmp_path / "study.yaml"
    path.write_text(swaps.to_yaml() + "keep: some\n", encoding="utf-8")
    with pytest.raises(StudyError, match="keep"):
        Study.from_yaml(path)
