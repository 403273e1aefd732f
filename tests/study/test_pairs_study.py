"""A study of sentence pairs: from a YAML file and TSV, JSONL or controlled languages to records."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.records.tidy import load_records
from layerlab.errors import StudyError
from layerlab.nodes.store.store import Store
from layerlab.study.study import Study

STUDY = """
name: small-pairs
models: [{model}]
tasks: [nli]
data: {{root: {data}}}
sources: [aa]
targets: [aa, bb]
seeds: [0]
ablations:
  - none
  - {{name: cut, after: [{{skip: {{layers: 0-3}}}}]}}
training: {{epochs: 10, learning_rate: 1e-3, batch_size: 16}}
"""
NOUNS = {"aa": ["mira", "tola", "pesa", "runa"], "bb": ["miros", "tolos", "pesos", "miros"]}
VERBS = {"aa": ("gati", "leki"), "bb": ("gatun", "lekun")}


def invent_pairs(language: str, split: str, n: int) -> list[tuple[str, str, str]]:
    """Return premises, hypotheses and labels; neither sentence alone tells entailment from contradiction."""
    stream = random.Random(f"{language}-{split}")
    rows = []
    for _ in range(n):
        verbs = [stream.choice(VERBS[language]) for _ in range(2)]
        first, second = (f"{stream.choice(NOUNS[language])} {verb} ." for verb in verbs)
        if verbs[0] == VERBS[language][1]:
            label = "neutral"
        else:
            label = "entailment" if verbs[1] == verbs[0] else "contradiction"
        rows.append((first, second, label))
    return rows


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Invented pairs: aa as TSV, bb as JSONL with other names of the columns."""
    root = tmp_path_factory.mktemp("pairs")
    for split, size in {"train": 240, "dev": 48, "test": 60}.items():
        (root / "aa").mkdir(exist_ok=True)
        (root / "bb").mkdir(exist_ok=True)
        lines = ["\t".join(row) for row in invent_pairs("aa", split, size)]
        header = "premise\thypothesis\tlabel"
        (root / "aa" / f"{split}.tsv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        names = ("sentence1", "sentence2", "gold_label")
        rows = (json.dumps(dict(zip(names, row, strict=True))) for row in invent_pairs("bb", split, size))
        (root / "bb" / f"{split}.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, pairs: Path) -> Path:
    folder = tmp_path_factory.mktemp("study")
    path = folder / "study.yaml"
    path.write_text(STUDY.format(model=tiny_encoder, data=pairs), encoding="utf-8")
    outcome = Study.from_yaml(path).plan().run(folder / "results", workers=0, progress=False)
    assert outcome.good
    return folder / "results"


def test_a_rule_over_both_sentences_is_learnt_and_lost_without_layers(results: Path) -> None:
    frame = load_records(results)
    assert set(frame["metric"]) == {"accuracy", "macro_f1"}
    assert set(frame["n"]) == {60}
    values = frame[frame["target"] == "aa"].set_index(["ablation", "metric"])["value"]
    assert values["none", "accuracy"] > 0.9
    assert values["none", "macro_f1"] > 0.9
    # Nothing mixes the tokens any more: the first one says the same of all pairs.
    assert values["cut", "accuracy"] < 0.8
    assert values["cut", "macro_f1"] <= 1 / 3 + 0.01
    assert set(sensitivity(frame)["quantity"]) == {"source_drop", "zero_shot_drop", "gap_change"}


def test_records_count_the_pairs_and_a_fit_keeps_its_labels(results: Path) -> None:
    (fit,) = set(load_records(results)["fit_id"])
    node = Store(results).folder("fit", fit)
    labels = json.loads((node / "labels.json").read_text(encoding="utf-8"))["labels"]
    assert labels == ["entailment", "neutral", "contradiction"]
    record = json.loads((node / "record.json").read_text(encoding="utf-8"))["node"]
    assert (record["n_pairs"], record["n_cut_pairs"]) == (240, 0)
    for path in (results / "runs").glob("*/record.json"):
        target = json.loads(path.read_text(encoding="utf-8"))["node"]["targets"]["bb"]
        assert (target["n_pairs"], target["n_cut_pairs"]) == (60, 0)


def test_a_second_plan_finds_everything_done(results: Path) -> None:
    study = Study.from_yaml(results.parent / "study.yaml")
    assert study.plan().run(results, workers=0, progress=False).n_new == 0


def test_controlled_pairs_need_no_files(tmp_path: Path, tiny_encoder: Path, pairs: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(model=tiny_encoder, data=pairs), encoding="utf-8")
    overrides = [
        "data={controlled: {train: 9, dev: 6, test: 6}}",
        "sources=[avin]",
        "targets=[avin, belo]",
        "ablations=[none]",
        "training.epochs=1",
        "training.max_length=24",
    ]
    outcome = Study.from_yaml(path, overrides).plan().run(tmp_path / "r", workers=0, progress=False)
    assert outcome.good
    assert set(load_records(tmp_path / "r")["n"]) == {6}
    (record,) = (tmp_path / "r" / "runs").glob("*/record.json")
    target = json.loads(record.read_text(encoding="utf-8"))["node"]["targets"]["belo"]
    assert (target["n_pairs"], target["n_words"]) == (6, 0)
    assert 0 < target["n_cut_pairs"] <= 6


def test_labels_of_another_task_are_known_before_training(
    tmp_path: Path, tiny_encoder: Path, pairs: Path
) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(model=tiny_encoder, data=pairs), encoding="utf-8")
    study = Study.from_yaml(path, ["tasks=[pawsx]"])
    with pytest.raises(StudyError, match=r"labels that task pawsx does not have: contradiction \(.*has 0, 1"):
        study.plan()
