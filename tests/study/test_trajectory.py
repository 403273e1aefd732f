"""A study with a trajectory: the same fits and runs, and the scores of every target along training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import Freeze, Reset
from layerlab.analysis.records.tidy import load_records
from layerlab.analysis.records.trajectories import TRAJECTORY_KEY, load_trajectories
from layerlab.errors import StudyError
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.trajectory import Trajectory
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.nodes.worker import run_nodes
from layerlab.study.directory.parts import prepare_store
from layerlab.study.directory.status import read_status
from layerlab.study.reading import build_study
from layerlab.study.study import Study
from tests.fixtures.studies import make_study, run

VALUES = [*TRAJECTORY_KEY[2:], "seed", "ablation", "epoch", "competes", "chosen", "value", "n"]


class KilledError(Exception):
    """Stands for a kill in the middle of a step."""


@pytest.fixture(scope="module")
def plain(treebanks: Path, tiny_encoder: Path) -> Study:
    """The baseline, a reset before, a freeze without dropout, a reset half-way, and a rewind; one seed."""
    ablations = (
        Ablation.none(),
        Ablation(name="fresh", before=(Reset("0-1"),)),
        Ablation(name="frozen", before=(Freeze("embeddings,0", dropout=False),)),
        Ablation(name="late", during=(Timed(0.6, Reset("2")),)),
        Ablation(name="rewind", after=(Reset("0", to="pretrained"),)),
    )
    return make_study(treebanks, tiny_encoder, ablations=ablations, seeds=[0], targets=["bb", "cc"])


@pytest.fixture(scope="module")
def watched(plain: Study) -> Study:
    return Study.model_validate(
        {**plain.model_dump(), "ablations": plain.ablations, "trajectory": {"steps": 4}}
    )


@pytest.fixture(scope="module")
def results(watched: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The watched study, complete."""
    folder = tmp_path_factory.mktemp("watched")
    run(watched, folder)
    return folder


@pytest.fixture(scope="module")
def without(plain: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plain study, complete."""
    folder = tmp_path_factory.mktemp("plain")
    run(plain, folder)
    return folder


def numbers(folder: Path) -> pd.DataFrame:
    """Return what a store's trajectories say, whatever it is called."""
    return load_trajectories(folder)[VALUES].sort_values(VALUES, ignore_index=True)


def test_identities_of_fits_and_runs_do_not_depend_on_it(plain: Study, watched: Study) -> None:
    before, after = plain.plan(), watched.plan()
    assert [fit.id for fit in before.fits] == [fit.id for fit in after.fits]
    assert [one.id for one in before.runs] == [one.id for one in after.runs]
    assert after.counted() == "4 trajectories, 5 runs over 4 fits"
    epochs = watched.model_copy(update={"trajectory": "epochs"}).plan()
    fewer = watched.model_copy(update={"targets": ("bb",)}).plan()
    ids = [{one.id for one in plan.of(Trajectory)} for plan in (after, epochs, fewer)]
    assert len(ids[0] | ids[1] | ids[2]) == 12
    assert [fit.id for fit in fewer.fits] == [fit.id for fit in after.fits]


def test_losses_and_scores_are_those_without_it(results: Path, without: Path) -> None:
    pd.testing.assert_frame_equal(load_records(results), load_records(without))
    for path in sorted((without / "fits").glob("*/record.json")):
        facts = json.loads(path.read_text())["node"]
        other = json.loads((results / path.relative_to(without)).read_text())["node"]
        for name in ("best_epoch", "n_steps", "receipts"):
            assert facts[name] == other[name]
        for one, two in zip(facts["history"], other["history"], strict=True):
            assert (one["loss"], one["dev"]) == (two["loss"], two["dev"])


def test_every_point_scores_source_dev_and_every_target(results: Path) -> None:
    frame = load_trajectories(results)
    assert sorted(set(frame["ablation"])) == ["fresh", "frozen", "late", "none"]
    for _, part in frame.groupby("ablation"):
        points = part.groupby(["step", "place", "epoch"]).size()
        assert points.index.tolist()[:2] == [(4, "step", 4 / 6), (6, "epoch", 1.0)]
        assert set(part["step"]) == {4, 6, 8, 12}
        scored = {(target, split) for target, split in zip(part["target"], part["split"], strict=True)}
        assert scored == {("aa", "dev"), ("aa", "test"), ("bb", "test"), ("cc", "test")}
    assert frame["main"].all()
    assert (frame["n"] > 0).all()


def test_the_chosen_epoch_has_the_scores_of_the_runs(results: Path) -> None:
    frame, records = load_trajectories(results), load_records(results)
    key = ["ablation", "target", "metric"]
    tests = frame[frame["chosen"] & (frame["split"] == "test")].set_index(key)["value"]
    runs = records[records["ablation"] != "rewind"].set_index(key)["value"]
    assert len(tests) == 12
    pd.testing.assert_series_equal(tests.sort_index(), runs.sort_index())


def test_it_is_chosen_on_source_dev_alone_among_the_epochs_that_compete(results: Path) -> None:
    frame = load_trajectories(results)
    ends = frame[(frame["place"] == "epoch") & (frame["split"] == "dev")]
    assert ends[ends["ablation"] == "late"]["competes"].tolist() == [False, True]
    for _, part in ends[ends["competes"]].groupby("ablation"):
        assert part["chosen"].sum() == 1
        assert part[part["chosen"]]["value"].iloc[0] == part["value"].max()
    assert not frame[frame["place"] == "step"][["competes", "chosen"]].any(axis=None)
    for path in (results / "trajectories").glob("*/record.json"):
        facts = json.loads(path.read_text())["node"]
        assert facts["selection"] == "the best epoch on source dev; targets were not looked at"
        assert not facts["replayed"]


def test_a_complete_fit_is_trained_again_for_its_trajectory_alone(
    watched: Study, without: Path, results: Path
) -> None:
    """With the weights on the disk: its folder is not touched."""
    plan = watched.plan()
    fits = {path: path.stat().st_mtime_ns for path in without.glob("fits/*/record.json")}
    status = read_status(plan, Store(without))
    assert status.summary() == "0/4 trajectories, 5/5 runs, 4/4 fits complete"
    run(watched, without)
    assert {path: path.stat().st_mtime_ns for path in without.glob("fits/*/record.json")} == fits
    pd.testing.assert_frame_equal(numbers(without), numbers(results))
    for path in (without / "trajectories").glob("*/record.json"):
        facts = json.loads(path.read_text())["node"]
        assert (facts["replayed"], facts["dev_difference"]) == (True, 0.0)


def test_a_killed_fit_goes_on_with_its_trajectory(watched: Study, results: Path, tmp_path: Path) -> None:
    plan, store = watched.plan().select(ablation="none"), Store(tmp_path)
    prepare_store(plan, store)
    settings = WorkSettings(checkpoint_seconds=0.0, device="cpu", shortcuts=("trimming", "fused-steps"))
    ids = [item.id for item in plan.nodes]

    def kill(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == 9:
            raise KilledError("in the middle of a step")

    assert not run_nodes(tmp_path, ids, settings, watch=kill)
    assert run_nodes(tmp_path, ids, settings)
    (path,) = tmp_path.glob("fits/*/record.json")
    assert json.loads(path.read_text())["node"]["resumed_at"] == 8
    expected = numbers(results)
    expected = expected[expected["ablation"] == "none"].reset_index(drop=True)
    pd.testing.assert_frame_equal(numbers(tmp_path), expected)
    assert not list(tmp_path.glob("work/*"))


def test_weights_are_kept_no_longer_than_without_it(watched: Study, tmp_path: Path) -> None:
    plan = watched.model_copy(update={"keep": "needed"}).plan().select(ablation=["none", "rewind"])
    done = plan.run(tmp_path, workers=0, device="cpu", progress=False)
    assert done.status.complete
    assert not list(tmp_path.glob("fits/*/model"))
    more = watched.model_copy(update={"keep": "needed", "trajectory": "epochs"}).plan()
    again = more.select(ablation="none").run(tmp_path, workers=0, device="cpu", progress=False)
    assert again.status.complete
    assert set(load_trajectories(tmp_path)["place"]) == {"epoch"}


def test_members_of_a_cohort_publish_theirs(watched: Study, results: Path, tmp_path: Path) -> None:
    plan = watched.plan().select(ablation=["none", "fresh"])
    prepare_store(plan, Store(tmp_path))
    settings = WorkSettings(device="cpu", shortcuts=("cohorts",), cohorts_on_cpu=True)
    fits = [fit.id for fit in plan.of(Fit)]
    assert run_nodes(tmp_path, fits, settings)
    found, expected = numbers(tmp_path), numbers(results)
    expected = expected[expected["ablation"].isin(["none", "fresh"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.drop(columns="value"), expected.drop(columns="value"))
    # A word may be on the edge: the arithmetic of the stack is rounded otherwise.
    assert (found["value"] - expected["value"]).abs().max() < 0.02


def test_what_is_no_time_of_scores_is_refused_in_words(watched: Study) -> None:
    fields = {**watched.model_dump(mode="json"), "ablations": ["none"]}
    for wrong in ("epoch", {"step": 4}, 5):
        with pytest.raises(StudyError, match=r"trajectory: expected epochs or \{steps: N\}; got"):
            build_study(Study, {**fields, "trajectory": wrong})
    with pytest.raises(StudyError, match=r"trajectory.steps: expected at least 1, got 0"):
        build_study(Study, {**fields, "trajectory": {"steps": 0}})


def test_a_study_file_keeps_it_and_plan_notes_a_clock_that_never_strikes(
    watched: Study, tmp_path: Path
) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(watched.to_yaml(), encoding="utf-8")
    assert Study.from_yaml(path).trajectory == watched.trajectory
    rare = Study.from_yaml(path, ["trajectory={steps: 500}"]).plan()
    assert any(
        "has 12 steps, so that with steps: 500 the ends of epochs alone" in note for note in rare.notes
    )
