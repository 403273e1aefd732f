"""Runs of one fit that share the layers below the first one that each changes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.ablation.ablation import Ablation
from layerlab.ablation.interventions import Permute, Reset, Scale, Skip, Swap
from layerlab.analysis.records.tidy import load_records
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.settings import WorkSettings
from layerlab.study.study import Study
from tests.fixtures.studies import make_study, run

ABLATIONS = (
    Ablation.none(),
    Ablation("rewound", after=(Reset("1", to="pretrained"),)),
    Ablation("random", after=(Reset("2", seed=1), Skip("3"))),
    Ablation("skipped", after=(Skip("2", components=("attention",)),)),
    Ablation("words", after=(Reset("embeddings", to="pretrained"),)),
    Ablation("permuted", after=(Permute("0-2", seed=3),)),
    Ablation("scaled", after=(Scale("3", 0.5, components=("ffn",)),)),
    Ablation("swapped", after=(Swap("all", donor="pretrained"),)),
)


@pytest.fixture(scope="module")
def shared_study(treebanks: Path, tiny_encoder: Path) -> Study:
    training = {"epochs": 2, "learning_rate": 5e-3, "batch_size": 8}
    return make_study(treebanks, tiny_encoder, ablations=ABLATIONS, seeds=[0], training=training)


@pytest.fixture(scope="module")
def plain(shared_study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the plain way."""
    folder = tmp_path_factory.mktemp("plain")
    run(shared_study, folder, shortcuts="none")
    return folder


def facts_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what each run noted, by ablation."""
    found = [json.loads(path.read_text()) for path in folder.glob("runs/*/record.json")]
    return {one["run"]["ablation"]: one["node"] for one in found}


def refit(plain: Path, folder: Path) -> Path:
    """Return a results directory that has the fit, and no run."""
    shutil.copytree(plain, folder, ignore=shutil.ignore_patterns("runs", "records.csv"))
    return folder


def same_results(one: Path, other: Path) -> None:
    """Check that two directories have the same records, receipts, descriptions and counts, bit for bit."""
    pd.testing.assert_frame_equal(load_records(one), load_records(other), check_exact=True)
    first, second = facts_of(one), facts_of(other)
    for name, facts in first.items():
        assert facts["receipts"] == second[name]["receipts"]
        assert facts["targets"] == second[name]["targets"]
    for path in one.glob("runs/*/counts.parquet"):
        there = other / path.relative_to(one)
        pd.testing.assert_frame_equal(pd.read_parquet(path), pd.read_parquet(there))


def test_runs_that_share_layers_have_the_numbers_of_the_plain_way(
    shared_study: Study, plain: Path, tmp_path: Path
) -> None:
    folder = refit(plain, tmp_path / "shared")
    run(shared_study, folder, shortcuts="shared-prefix")
    same_results(plain, folder)
    values = load_records(folder).groupby("ablation")["value"].mean()
    assert values.nunique() > 4
    notes = {name: facts["shortcuts"].get("shared-prefix") for name, facts in facts_of(folder).items()}
    assert notes == {
        "none": "the fit's own states, beside 7 other runs",
        "rewound": "computed from layer 1 on, beside 7 other runs",
        "random": "computed from layer 2 on, beside 7 other runs",
        "skipped": "computed from layer 2 on, beside 7 other runs",
        "words": "computed from the input on, beside 7 other runs",
        "permuted": "computed from layer 0 on, beside 7 other runs",
        "scaled": "computed from layer 3 on, beside 7 other runs",
        "swapped": "computed from layer 0 on, beside 7 other runs",
    }
    assert not any(facts["shortcuts"] for facts in facts_of(plain).values())


def test_a_group_that_is_stopped_in_the_middle_goes_on(
    shared_study: Study, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, publish, left = refit(plain, tmp_path / "stopped"), Run._publish, iter(range(3))

    def stop(self: Run, *given: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt("stopped")
        publish(self, *given)

    monkeypatch.setattr(Run, "_publish", stop)
    with pytest.raises(KeyboardInterrupt, match="stopped"):
        run(shared_study, folder)
    assert len(facts_of(folder)) == 3
    monkeypatch.undo()
    run(shared_study, folder)
    same_results(plain, folder)


def test_one_that_fails_leaves_the_others_their_results(
    shared_study: Study, tmp_path: Path, plain: Path
) -> None:
    """A rewind of what is pretrained already has no effect, and fails alone."""
    broken = Ablation("broken", after=(Reset("1", to="pretrained"), Reset("1", to="pretrained")))
    study = shared_study.model_copy(update={"ablations": (*ABLATIONS, broken)})
    folder = refit(plain, tmp_path / "broken")
    outcome = study.plan().run(folder, workers=0, progress=False)
    assert [failure["error"] for failure in outcome.status.failures] == ["NoEffectError"]
    same_results(plain, folder)


def test_runs_are_joined_by_fit_and_targets(shared_study: Study) -> None:
    runs = [item for item in shared_study.plan().nodes if isinstance(item, Run)]
    assert [len(group) for group in Run.join(runs, WorkSettings())] == [8]
    assert [len(group) for group in Run.join(runs, WorkSettings(shortcuts=()))] == [1] * 8
    fewer = replace(runs[0].spec, targets={"aa": "another digest"})
    other = runs[0].model_copy(update={"spec": fewer})
    assert sorted(len(group) for group in Run.join([*runs, other], WorkSettings())) == [1, 8]
