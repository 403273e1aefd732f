"""A study holds its pretrainings: variants of a spec, one for each seed, and encoders kept on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.records.tidy import load_records
from layerlab.errors import StudyError
from layerlab.models.by_language.manifest import read_manifest
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.store.store import Store
from layerlab.pretraining.spec import read_spec
from layerlab.study.reading import build_study
from layerlab.study.study import Study
from tests.fixtures.pretrainings import write_spec


@pytest.fixture
def spec_of_treebanks(treebanks: Path, tmp_path: Path) -> Path:
    """A spec for the languages of the treebanks, beside their words as text."""
    for language in ("aa", "bb"):
        rows = (treebanks / language / "train.conllu").read_text(encoding="utf-8").split("\n\n")
        lines = [" ".join(row.split("\t")[1] for row in block.split("\n") if "\t" in row) for block in rows]
        (tmp_path / f"{language}.txt").write_text("\n".join(lines * 3), encoding="utf-8")
    return write_spec(tmp_path / "spec.yaml", corpora={"aa": "aa.txt", "bb": "bb.txt"})


def make_study(treebanks: Path, pretrainings: dict[str, Any], **changes: Any) -> Study:
    fields: dict[str, Any] = {
        "name": "emerging",
        "pretrainings": pretrainings,
        "tasks": ["upos"],
        "data": {"root": str(treebanks)},
        "sources": ["aa"],
        "targets": ["bb"],
        "seeds": [0, 1],
        "training": {"epochs": 1, "batch_size": 16},
    }
    return build_study(Study, {**fields, **changes})


def test_each_seed_is_one_of_a_pretraining_and_of_a_fine_tuning(
    treebanks: Path, spec_of_treebanks: Path
) -> None:
    spec = str(spec_of_treebanks)
    plan = make_study(treebanks, {"joint": {"spec": spec}, "fixed": {"spec": spec, "seed": 5}}).plan()
    made = {item.id: item for item in plan.of(Pretraining)}
    assert [(item.spec.name, item.spec.seed) for item in made.values()] == [
        ("joint", 0), ("joint", 1), ("fixed", 5),
    ]  # fmt: skip
    for fit in plan.of(Fit):
        assert fit.pretraining is not None
        own = made[fit.pretraining]
        assert fit.needs == (own.id,)
        assert own.spec.seed == (fit.spec.seed if fit.model == "joint" else 5)
        assert fit.spec.checkpoint == f"pretraining {own.id}"


def test_a_variant_has_the_id_of_a_file_that_says_the_same(treebanks: Path, spec_of_treebanks: Path) -> None:
    changes = {"factors.vocabulary": "none", "amount": {"bb": 0.5}}
    asked = {"none": {"spec": str(spec_of_treebanks), "set": changes, "seed": "spec"}}
    (made,) = make_study(treebanks, asked).plan().of(Pretraining)
    plain = json.loads(spec_of_treebanks.read_text(encoding="utf-8"))
    plain |= {"factors": {"vocabulary": "none"}, "amount": {"bb": 0.5}}
    same = spec_of_treebanks.with_name("same.yaml")
    same.write_text(json.dumps(plain), encoding="utf-8")
    assert made.id == Pretraining.of(read_spec(same)).id


def test_a_study_of_variants_and_steps_is_carried_out_and_its_records_name_them(
    treebanks: Path, spec_of_treebanks: Path, tmp_path: Path
) -> None:
    spec = str(spec_of_treebanks)
    asked = {"joint": {"spec": spec}, "none": {"spec": spec, "set": {"factors.vocabulary": "none"}}}
    models = ["joint", "joint@2", "none"]
    rows = ["aa\tbb", *(f"{'mira ' * (1 + n % 4)}\t{'tola ' * (1 + n % 3)}" for n in range(12))]
    (tmp_path / "parallel.tsv").write_text("\n".join(rows), encoding="utf-8")
    measures = {"names": ["cka"], "parallel": str(tmp_path / "parallel.tsv")}
    study = make_study(treebanks, asked, models=models, measures=measures, seeds=[0])
    plan = study.plan()
    by_step = {item.step: item for item in plan.of(Pretraining) if item.spec.name == "joint"}
    assert by_step[2].needs == (by_step[None].id,)
    assert plan.run(tmp_path / "results", workers=0, progress=False).good
    records = load_records(tmp_path / "results")
    scores = records[records["metric"] == "accuracy"]
    assert set(scores["model"]) == set(models)
    assert set(scores["target"]) == {"aa", "bb"}
    assert set(records[records["metric"] == "cka"]["model"]) == set(models)
    said = {(row.model, row.step, row.against) for row in records.itertuples()}
    assert said == {("joint", 6, ""), ("joint@2", 2, ""), ("none", 6, "joint")}
    effect = sensitivity(records)
    assert set(zip(effect["model"], effect["ablation"], strict=True)) == {("joint", "pretraining none")}
    store = Store(tmp_path / "results")
    none = next(item for item in plan.of(Pretraining) if item.spec.name == "none")
    manifest = read_manifest(store.model(none.id))
    assert manifest is not None
    assert manifest.tokenizers
    kept = store.model(by_step[2].id)
    assert (kept / "model.safetensors").read_bytes() == (
        store.model(by_step[None].id) / "kept/2/model.safetensors"
    ).read_bytes()


def test_a_step_that_was_not_kept_is_pretrained_up_to(
    treebanks: Path, spec_of_treebanks: Path, tmp_path: Path
) -> None:
    asked = {"joint": {"spec": str(spec_of_treebanks)}}
    plain = make_study(treebanks, asked, seeds=[0])
    assert plain.plan().run(tmp_path / "results", workers=0, progress=False).good
    more = make_study(treebanks, asked, seeds=[0], models=["joint", "joint@3"])
    assert more.plan().run(tmp_path / "results", workers=0, progress=False).good
    (step,) = (item for item in more.plan().of(Pretraining) if item.step)
    fresh = make_study(treebanks, asked, seeds=[0], models=["joint@3"])
    assert fresh.plan().run(tmp_path / "fresh", workers=0, progress=False).good
    one, other = (
        Store(tmp_path / name).model(step.id) / "model.safetensors" for name in ("results", "fresh")
    )
    assert one.read_bytes() == other.read_bytes()


def test_a_model_may_be_evaluated_on_some_of_the_targets_alone(
    treebanks: Path, spec_of_treebanks: Path
) -> None:
    spec = str(spec_of_treebanks)
    asked = {"all": {"spec": spec}, "some": {"spec": spec, "set": {"steps": 5}, "targets": ["cc"]}}
    plan = make_study(treebanks, asked, targets=["bb", "cc"], seeds=[0]).plan()
    found = {run.columns["model"]: list(run.spec.targets) for run in plan.of(Run)}
    assert found == {"all": ["aa", "bb", "cc"], "some": ["aa", "cc"]}


def test_a_model_with_parts_by_language_needs_none_for_targets_of_other_models(
    treebanks: Path, spec_of_treebanks: Path
) -> None:
    apart = {"factors.separate": {"layers": 0}}
    asked = {"all": {}, "own": {"set": apart, "targets": ["bb"]}}
    named = {name: {"spec": str(spec_of_treebanks), **one} for name, one in asked.items()}
    plan = make_study(treebanks, named, targets=["bb", "cc"], seeds=[0]).plan()
    found = {run.columns["model"]: list(run.spec.targets) for run in plan.of(Run)}
    assert found == {"all": ["aa", "bb", "cc"], "own": ["aa", "bb"]}


def test_it_is_written_and_read_back(treebanks: Path, spec_of_treebanks: Path, tmp_path: Path) -> None:
    asked = {"joint": {"spec": str(spec_of_treebanks), "set": {"steps": 4}, "seed": 3}}
    study = make_study(treebanks, asked, models=["joint", "joint@2"])
    (tmp_path / "study.yaml").write_text(study.to_yaml(), encoding="utf-8")
    assert Study.from_yaml(tmp_path / "study.yaml") == study


@pytest.mark.parametrize(
    ("pretrainings", "changes", "message"),
    [
        ({"a": {"set": {"stepps": 3}}}, {}, "stepps"),
        ({"a": {"set": {"factors.vocabulary": "some"}}}, {}, "vocabulary"),
        ({"a": {}, "b": {}}, {}, "b is the same checkpoint as a"),
        ({"a": {}}, {"models": ["a@7"]}, "a@7: the pretraining has 6 steps"),
        ({"a": {"targets": ["zz"]}}, {}, "unknown target 'zz'"),
        ({"a": {}, "b": {"against": "c"}}, {}, "unknown pretraining 'c'; Known: a"),
        ({"a": {"against": "a"}}, {}, "unknown pretraining 'a'"),
        ({"a": {"set": {"factors.vocabulary": "none"}}}, {"targets": ["cc"]}, "none for 'cc'"),
        ({"a": {"set": {"factors.separate": {"layers": 0}}}}, {"targets": ["cc"]}, "none for 'cc'"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_trained(
    treebanks: Path,
    spec_of_treebanks: Path,
    pretrainings: dict[str, Any],
    changes: dict[str, Any],
    message: str,
) -> None:
    asked = {name: {"spec": str(spec_of_treebanks), **own} for name, own in pretrainings.items()}
    with pytest.raises(StudyError, match=message):
        make_study(treebanks, asked, **changes).plan()
