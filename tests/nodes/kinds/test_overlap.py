"""Overlaps as nodes of a study: the pieces of its corpora, cut by each encoder's own tokenizers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pandas.testing import assert_frame_equal
from transformers import AutoTokenizer

from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.records.tidy import load_records
from layerlab.data.catalog.corpus import find_corpus, load_corpus
from layerlab.errors import StudyError
from layerlab.nodes.kinds.overlap import PieceOverlap
from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.nodes.store.store import Store
from layerlab.report.page.about import About
from layerlab.report.page.study_facts import settings_facts
from layerlab.study.reading import build_study
from layerlab.study.study import Study
from tests.fixtures.pretrainings import write_spec
from tests.fixtures.studies import make_study, retrained, run

TARGETS = ("jora", "pelu")


@pytest.fixture(scope="module")
def carried_out(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path]:
    """Encoders of controlled languages with pieces in common, and with none; two seeds."""
    folder = tmp_path_factory.mktemp("overlap")
    corpora = {
        name: {"controlled": name, "family": "instrument", "sentences": 150} for name in ("ilda", *TARGETS)
    }
    spec = str(write_spec(folder / "spec.yaml", corpora=corpora, vocab_size=200, steps=1))
    fields: dict[str, Any] = {
        "name": "anchors",
        "pretrainings": {
            "joint": {"spec": spec, "seed": "spec"},
            "none": {"spec": spec, "set": {"factors.vocabulary": "none"}},
        },
        "tasks": ["upos"],
        "data": {"controlled": {"family": "instrument", "train": 40, "dev": 10, "test": 10}},
        "sources": ["ilda"],
        "targets": list(TARGETS),
        "seeds": [0, 1],
        "training": {"epochs": 1, "batch_size": 40},
        "nodes": {"overlap": {}},
    }
    study = build_study(Study, fields)
    run(study, folder / "r", device="cpu")
    return study, folder / "r"


def test_records_hold_the_overlap_of_every_target(carried_out: tuple[Study, Path]) -> None:
    study, folder = carried_out
    frame = load_records(folder)
    rows = frame[frame["ablation"] == "overlap"]
    assert (set(rows["split"]), set(rows["layer"]), set(rows["main"])) == ({"overlap"}, {0}, {False})
    # Each seed of "none" has an encoder of its own; "joint" is one for both.
    assert set(zip(rows["model"], rows["seed"], strict=True)) == {("joint", 0), ("none", 0), ("none", 1)}
    by_place = rows.set_index(["model", "seed", "metric", "target"])
    values, sizes = by_place["value"].to_dict(), by_place["n"].to_dict()
    assert {values["none", 0, "shared_tokens", target] for target in TARGETS} == {0}
    store = Store(folder)
    (joint,) = (one for one in study.plan().of(Pretraining) if one.spec.name == "joint")
    tokenizer: Any = AutoTokenizer.from_pretrained(store.model(joint.id))

    def cut(language: str, split: str) -> list[str]:
        corpus = load_corpus(find_corpus(study.data_for("upos"), "upos", ("conllu",), language, split))
        words = [word for sentence in corpus.sentences for word in sentence.words]
        pieces: list[str] = tokenizer.tokenize(words, is_split_into_words=True)
        return [piece for piece in pieces if piece != tokenizer.unk_token]

    source = set(cut("ilda", "train"))
    for target in TARGETS:
        pieces = cut(target, "test")
        shared = source & set(pieces)
        assert values["joint", 0, "shared_pieces", target] == len(shared) / len(source | set(pieces))
        fraction = sum(piece in shared for piece in pieces) / len(pieces)
        assert values["joint", 0, "shared_tokens", target] == pytest.approx(fraction)
        assert 0 < fraction < 1
        assert sizes["joint", 0, "shared_tokens", target] == len(pieces)


def test_nothing_of_what_is_there_is_disturbed_and_a_second_run_computes_nothing(
    carried_out: tuple[Study, Path],
) -> None:
    study, folder = carried_out
    frame = load_records(folder)
    without = frame[frame["ablation"] != "overlap"]
    assert_frame_equal(sensitivity(frame), sensitivity(without))
    for name in ("Runs", "Ablations", "Measures by layer", "Seeds"):
        own, plain = (dict(settings_facts(one, About())) for one in (frame, without))
        assert own.get(name, "").replace("7 over", "4 over") == plain.get(name, "")
    outcome = study.plan().run(folder, workers=0, progress=False)
    assert (outcome.good, outcome.n_new) == (True, 0)
    (record, *_) = (folder / "overlaps").glob("*/record.json")
    assert {row["n"] > 0 for row in json.loads(record.read_text(encoding="utf-8"))["scores"]} == {True}


def test_one_vocabulary_shares_every_piece_of_the_same_text(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    for language in ("aa", "bb"):
        (tmp_path / language).mkdir()
        for split in ("train", "dev", "test"):
            (tmp_path / language / f"{split}.conllu").symlink_to(treebanks / "aa" / "train.conllu")
    study = make_study(
        tmp_path, tiny_encoder, targets=["aa", "bb"], seeds=[0], ablations=["none"], nodes={"overlap": None}
    )
    plan = study.plan(check=False)
    (node,) = plan.of(PieceOverlap)
    assert node == PieceOverlap.from_json(json.loads(json.dumps(node.to_json())))
    run(retrained(study, epochs=1), tmp_path / "r")
    rows = load_records(tmp_path / "r")
    assert set(rows[rows["ablation"] == "overlap"]["value"]) == {1}


def test_no_other_identity_depends_on_it_and_its_own_on_what_it_reads(study: Study) -> None:
    def ids(**changes: object) -> set[str]:
        plan = study.model_copy(update={"nodes": {"overlap": {}}, **changes}).plan(check=False)
        return {one.id for one in plan.of(PieceOverlap)}

    with_it = study.model_copy(update={"nodes": {"overlap": {}}}).plan(check=False)
    before = {item.id for item in study.plan(check=False).nodes}
    assert {item.id for item in with_it.nodes} - before == ids()
    assert len(ids()) == 1
    assert ids(seeds=(5,)) == ids()
    assert not ids(targets=("aa", "bb")) & ids()
    assert not ids(sources=("bb",)) & ids()
    assert len(ids(sources=("aa", "aa+bb"))) == 2


def test_a_wrong_option_is_named(study: Study) -> None:
    for options, message in (
        ({"task": ["upos"]}, r"task.*tasks"),
        ({"tasks": ["ner"]}, "unknown task of this study 'ner'; Known: upos"),
    ):
        with pytest.raises(StudyError, match=message):
            study.model_copy(update={"nodes": {"overlap": options}}).plan(check=False)
