from __future__ import annotations

import importlib
import json
import shutil
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from layerlab.ablation.ablation import Ablation
from layerlab.ablation.interventions import FitDonor, Reset, Skip, Swap, from_dict
from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.records.tidy import load_nodes, load_records
from layerlab.data.catalog.corpus import DataSpec
from layerlab.errors import StoreError
from layerlab.models.encoder import Encoder
from layerlab.nodes.kinds.evaluation.fitted import load_fitted
from layerlab.nodes.node import Work
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.study.study import Study
from layerlab.training.events import silent
from tests.fixtures.forks import fork_command
from tests.fixtures.studies import retrained


def run(study: Study, folder: Path, **options: object) -> pd.DataFrame:
    outcome = study.plan().run(folder, **{"workers": 0, "progress": False, **options})
    assert outcome.good, outcome.status.failures
    return load_records(folder)


def test_a_study_gives_one_row_a_run_target_and_metric(study: Study, tmp_path: Path) -> None:
    frame = run(study, tmp_path / "r")
    assert len(frame) == 8 * 3
    assert set(frame["ablation"]) == {"none", "reset(0-1)@before", "reset(2-3)@before", "rewind"}
    assert frame["value"].between(0, 1).all()
    assert frame["fit_id"].nunique() == 6
    effect = sensitivity(frame)
    assert set(effect["quantity"]) == {"source_drop", "zero_shot_drop", "gap_change"}
    nodes = load_nodes(tmp_path / "r")
    assert len(nodes) == 14
    assert (tmp_path / "r" / "records.csv").is_file()


def test_post_hoc_ablations_leave_the_shared_fit_as_it_was(study: Study, tmp_path: Path) -> None:
    """The baseline evaluated after a rewind of the same fit in memory has the scores it has alone."""
    study = study.model_copy(update={"seeds": (0,)})
    both = run(study, tmp_path / "both")
    names = [Ablation(name="rewind", after=(Reset("0", to="pretrained"),)), Ablation.none()]
    reversed_order = run(study.model_copy(update={"ablations": tuple(names)}), tmp_path / "reversed")
    keys = ["ablation", "seed", "target"]
    one = both[both["ablation"].isin(["none", "rewind"])].set_index(keys)["value"].sort_index()
    two = reversed_order.set_index(keys)["value"].sort_index()
    pd.testing.assert_series_equal(one, two, check_exact=True)


def test_a_second_call_does_nothing(study: Study, tmp_path: Path) -> None:
    study = study.model_copy(update={"seeds": (0,)})
    run(study, tmp_path)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*s/*/record.json")}
    outcome = study.plan().run(tmp_path, workers=0, progress=False)
    assert outcome.n_new == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*s/*/record.json")} == written


def test_a_pool_of_processes_gives_the_same_records(study: Study, tmp_path: Path) -> None:
    study = study.model_copy(update={"seeds": (0,)})
    torch.set_num_threads(1)
    alone = run(study, tmp_path / "alone")
    pooled = run(study, tmp_path / "pool", workers=2)
    keys = ["run_id", "target"]
    pd.testing.assert_frame_equal(
        alone.sort_values(keys).reset_index(drop=True), pooled.sort_values(keys).reset_index(drop=True)
    )


def test_layers_of_another_source_are_swapped_in(study: Study, tmp_path: Path) -> None:
    donor = FitDonor(source="bb")
    swaps = (
        Ablation(name="lower", after=(Swap("first:2", donor=donor),)),
        Ablation(name="everything", after=(Swap("embeddings,all", donor=donor),)),
    )
    study = study.model_copy(
        update={"sources": ("aa", "bb"), "seeds": (0,), "ablations": (Ablation.none(), *swaps[:1])}
    )
    with pytest.raises(ValueError, match="own fit"):
        study.plan()
    study = study.model_copy(update={"sources": ("aa",), "ablations": (Ablation.none(), *swaps)})
    plan = study.plan()
    assert len(plan.fits) == 2
    frame = run(study, tmp_path)
    assert dict(zip(frame["ablation"], frame["donor"], strict=True)) == {
        "none": "",
        "lower": "0-1: fit(source=bb)",
        "everything": "embeddings,0-3: fit(source=bb)",
    }
    fits = {fit.source: tmp_path / "fits" / fit.id / "model" for fit in plan.fits}
    a, b = (Encoder.from_pretrained(str(fits[source])) for source in ("aa", "bb"))
    assert any(
        not torch.equal(p, q)
        for p, q in zip(a.parameters("0").values(), b.parameters("0").values(), strict=True)
    )


def test_a_layer_skipped_in_training_is_skipped_in_evaluation(study: Study, tmp_path: Path) -> None:
    skip = Ablation(name="skip before", before=(Skip("1"),))
    study = study.model_copy(update={"seeds": (0,), "ablations": (Ablation.none(), skip)})
    frame = run(study, tmp_path)
    fit_id = frame[frame["ablation"] == "skip before"]["fit_id"].iloc[0]
    fitted = load_fitted(Work(Store(tmp_path), WorkSettings(), silent), fit_id)
    states = fitted.model.encoder(torch.tensor([[2, 5, 6, 3]]), output_hidden_states=True).hidden_states
    assert torch.equal(states[1], states[2])
    assert not torch.equal(states[2], states[3])
    assert frame["fit_id"].nunique() == 2


def test_one_failing_run_takes_no_other_down(study: Study, tmp_path: Path, tiny_encoder: Path) -> None:
    """Numbers of a donor that are not finite show when it is loaded: its run fails, the others go on."""
    donor = tmp_path / "donor"
    shutil.copytree(tiny_encoder, donor)
    tensors = load_file(donor / "model.safetensors")
    spoilt = {name: value / 0 if "layer.0." in name else value for name, value in tensors.items()}
    save_file(spoilt, donor / "model.safetensors", metadata={"format": "pt"})
    bad = Ablation(name="bad", after=(Swap("0", donor=str(donor)),))
    study = study.model_copy(update={"seeds": (0,), "ablations": (Ablation.none(), bad)})
    outcome = study.plan().run(tmp_path / "r", workers=0, progress=False)
    assert not outcome.good
    assert [failure["error"] for failure in outcome.status.failures] == ["CheckpointError"]
    assert "encoder.layer.0" in outcome.status.failures[0]["message"]
    assert outcome.status.count("run").done == 1
    assert set(load_records(tmp_path / "r")["ablation"]) == {"none"}


def test_a_crashing_worker_takes_no_other_down(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The intervention of a user's module ends its process; it is known to workers through ``imports``."""
    (tmp_path / "crashing.py").write_text(CRASHING, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("crashing")
    fatal = Ablation(name="fatal", before=(from_dict({"crash": {"layers": "0"}}),))
    changes = {"seeds": (0,), "ablations": (fatal, Ablation.none()), "imports": ("crashing",)}
    outcome = study.model_copy(update=changes).plan().run(tmp_path / "r", workers=2, progress=False)
    (failure,) = outcome.status.failures
    assert failure["message"] == "the worker died of exit status 9: it printed nothing"
    assert outcome.status.blocked == ("run tiny upos aa seed 0 fatal",)
    assert set(load_records(tmp_path / "r")["ablation"]) == {"none"}


CRASHING = """
import os
import layerlab as ll

@ll.intervention("crash")
class Crash:
    layers: ll.Selection

    def weights(self, encoder, donors):
        os._exit(9)
"""


def test_two_runners_share_a_study(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(study.to_yaml(), encoding="utf-8")
    words = ("run", path, "--results", tmp_path / "r", "--workers", "0", "--no-report")
    runners = [fork_command(*words) for _ in range(2)]
    for runner in runners:
        runner.join()
    assert [runner.exitcode for runner in runners] == [0, 0]
    spans = []
    for fit in study.plan().fits:
        lines = (tmp_path / "r" / "events" / f"{fit.id}.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        assert [event["event"] for event in events].count("start") == 1
        spans.append((events[0]["time"], events[-1]["time"]))
    spans.sort()
    overlaps = [b[0] < a[1] for a, b in pairwise(spans)]
    assert any(overlaps), "each runner should take what the other has not"


def test_a_renamed_ablation_has_its_new_name_in_old_results(study: Study, tmp_path: Path) -> None:
    study = study.model_copy(update={"seeds": (0,)})
    run(study, tmp_path)
    renamed = Ablation(name="set back", after=(Reset("0", to="pretrained"),))
    again = study.model_copy(update={"ablations": (*study.ablations[:-1], renamed)})
    outcome = again.plan().run(tmp_path, workers=0, progress=False)
    assert outcome.n_new == 0
    names = set(load_records(tmp_path)["ablation"])
    assert "set back" in names
    assert "rewind" not in names


def test_a_corpus_that_changes_after_the_plan_is_not_taken_for_the_planned_one(
    study: Study, treebanks: Path, tmp_path: Path
) -> None:
    shutil.copytree(treebanks, tmp_path / "data")
    changes = {"seeds": (0,), "ablations": (Ablation.none(),), "data": DataSpec(root=tmp_path / "data")}
    plan = study.model_copy(update=changes).plan()
    dev = tmp_path / "data/aa/dev.conllu"
    dev.write_text(dev.read_text(encoding="utf-8").replace("mira", "mora"), encoding="utf-8")
    outcome = plan.run(tmp_path / "r", workers=0, progress=False)
    assert "has changed since the plan was made" in outcome.status.failures[0]["message"]


def test_a_directory_of_another_study_is_refused(study: Study, tmp_path: Path) -> None:
    study = study.model_copy(update={"seeds": (0,), "ablations": (Ablation.none(),)})
    run(study, tmp_path)
    with pytest.raises(StoreError, match="holds study 'small', not 'other'"):
        study.model_copy(update={"name": "other"}).plan().run(tmp_path, workers=0, progress=False)


def test_records_of_an_older_plan_are_not_mixed_in(study: Study, tmp_path: Path) -> None:
    study = study.model_copy(update={"seeds": (0,), "ablations": (Ablation.none(),)})
    run(study, tmp_path)
    frame = run(retrained(study, epochs=3), tmp_path)
    assert frame["run_id"].nunique() == 1
    assert load_records(tmp_path, everything=True)["run_id"].nunique() == 2
