"""Probes as nodes of a study: the numbers of ``probe_models``, once, in the study's records."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.analysis.records.tidy import load_records
from layerlab.errors import StudyError
from layerlab.nodes.kinds.probe import Probe
from layerlab.nodes.kinds.probes import probe_models
from layerlab.study.study import Study

OPTIONS = {"layers": [0, 2], "training": {"epochs": 1}}


def test_a_studys_probes_are_those_of_the_verb(study: Study, tmp_path: Path, tiny_encoder: Path) -> None:
    asked = study.model_copy(
        update={"seeds": (0, 3), "ablations": study.ablations[:1], "nodes": {"probe": OPTIONS}}
    )
    plan = asked.plan()
    assert len(plan.of(Probe)) == 2
    outcome = plan.run(tmp_path / "r", workers=0, device="cpu", progress=False)
    assert outcome.good, outcome.status.failures
    assert outcome.status.summary() == "2/2 probes, 2/2 runs, 2/2 fits complete"
    frame = load_records(tmp_path / "r")
    key = ["seed", "target", "metric", "layer"]
    found = frame[frame["ablation"] == "probe"].set_index(key)["value"].sort_index()
    (training,) = {item.options.training for item in plan.of(Probe)}
    expected = probe_models(
        {"tiny": str(tiny_encoder)}, "upos", "aa", ["bb", "cc"], data=study.data_for("upos"), seeds=[0, 3],
        layers=[0, 2], training=training, device="cpu",
    ).set_index(key)["value"].sort_index()  # fmt: skip
    assert list(found.index) == list(expected.index)
    assert found.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-9)
    assert set(frame[frame["ablation"] == "probe"]["main"]) == {True}
    again = plan.run(tmp_path / "r", workers=0, progress=False)
    assert (again.good, again.n_new) == (True, 0)


def test_what_changes_a_probes_number_changes_its_id_and_nothing_else(study: Study) -> None:
    def ids(**options: object) -> set[str]:
        asked = study.model_copy(update={"nodes": {"probe": options}})
        return {item.id for item in asked.plan(check=False).of(Probe)}

    own = ids()
    assert len(own) == 2
    assert ids(training={"keep_gib": 0.5}) == own
    assert ids(tasks=["upos"]) == own
    assert not ids(layers=[1]) & own
    assert not ids(training={"epochs": 9}) & own
    before = {item.id for item in study.plan(check=False).nodes}
    assert before < {
        item.id for item in study.model_copy(update={"nodes": {"probe": None}}).plan(check=False).nodes
    }


def test_a_wrong_option_is_named(study: Study) -> None:
    with pytest.raises(StudyError, match="epochz"):
        study.model_copy(update={"nodes": {"probe": {"training": {"epochz": 1}}}}).plan(check=False)
    with pytest.raises(StudyError, match="unknown task of this study 'ner'; Known: upos"):
        study.model_copy(update={"nodes": {"probe": {"tasks": ["ner"]}}}).plan(check=False)
