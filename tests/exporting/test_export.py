"""A fit of a study as a folder that transformers loads, and what its model card says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard
from transformers import (
    AutoModelForTokenClassification,
    pipeline,
)

import layerlab as ll
from layerlab.ablation.ablation import Ablation
from layerlab.ablation.interventions import Reset, Skip
from layerlab.data.pairs import Pair
from layerlab.errors import ArchitectureError, CheckpointError, StoreError
from layerlab.exporting import push as pushing
from layerlab.finetuning.model import forward_batch
from layerlab.nodes.kinds.evaluation.fitted import load_fitted
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.node import Work
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.study.plan import Plan
from layerlab.training.events import silent
from tests.fixtures.command_line import Call
from tests.fixtures.studies import make_study, run

KINDS = (("gati", "gati", "entailment"), ("gati", "leki", "contradiction"), ("leki", "gati", "neutral"))


@pytest.fixture(scope="module")
def results(
    treebanks: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Plan]:
    """A study with a baseline, RANDOM-INIT, a layer that is skipped after, and parts of one that are."""
    folder = tmp_path_factory.mktemp("results")
    ablations = [
        Ablation.none(),
        Ablation(name="random-init", before=(Reset("0-1"),)),
        Ablation(name="without-1", after=(Skip("1"),)),
        Ablation(name="without-attention", before=(Skip("1", components=("attention",)),)),
    ]
    study = make_study(treebanks, tiny_encoder, seeds=[0], targets=["bb"], ablations=ablations)
    run(study, folder)
    return folder, study.plan()


def fit_of(plan: Plan, ablation: str) -> str:
    return next(item.fit for item in plan.of(Run) if item.columns["ablation"] == ablation)


def code_of(card: str) -> str:
    found: list[str] = re.findall(r"^```python\n(.*?)^```", card, re.MULTILINE | re.DOTALL)
    return found[0]


def read_words(folder: Path, words: list[str]) -> list[str]:
    """Run the code of a model card."""
    code = code_of((folder / "README.md").read_text(encoding="utf-8"))
    code = code.replace("path/or/hub-id", str(folder)).replace('["One", "sentence", "."]', repr(words))
    names: dict[str, Any] = {}
    exec(compile(code, "card", "exec"), names)
    labels: list[str] = names["labels"]
    return labels


def predict(store: Store, fit_id: str, target: str) -> tuple[list[list[str]], list[list[str]]]:
    """Return words and labels of a target's test sentences, as layerlab evaluates them."""
    from layerlab.data.catalog.corpus import find_corpus
    from layerlab.finetuning.evaluation import predict as decode

    fitted = load_fitted(Work(store, WorkSettings(device="cpu"), silent), fit_id)
    ref = find_corpus(fitted.fit.data, fitted.task.name, fitted.task.formats, target, "test")
    corpus = fitted.corpus(fitted.fit.data, target, ref.digest)
    words = [list(sentence.words) for sentence in corpus.sentences]
    labels = [[""] * len(one) for one in words]
    for sentence, word, label in decode(fitted.model, fitted.task, corpus, torch.device("cpu")):
        labels[sentence][word] = fitted.labels[label]
    return words, labels


def test_the_code_of_the_card_gives_the_labels_that_were_scored(
    results: tuple[Path, Plan], tmp_path: Path
) -> None:
    folder, plan = results
    fit_id = fit_of(plan, "none")
    assert ll.export(folder, fit_id, tmp_path / "tagger") == tmp_path / "tagger"
    words, labels = predict(Store(folder), fit_id, "bb")
    for sentence, wanted in list(zip(words, labels, strict=True))[:5]:
        assert read_words(tmp_path / "tagger", sentence) == wanted
    found = pipeline("token-classification", model=str(tmp_path / "tagger"))(" ".join(words[0]))
    assert {one["entity"] for one in found} <= set(ll_labels(tmp_path / "tagger"))


def ll_labels(folder: Path) -> list[str]:
    return list(json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"].values())


def test_the_card_says_what_it_is(results: tuple[Path, Plan], tmp_path: Path) -> None:
    folder, plan = results
    ll.export(folder, fit_of(plan, "random-init"), tmp_path / "tagger")
    card = ModelCard.load(tmp_path / "tagger" / "README.md")
    assert card.data.library_name == "transformers"
    assert card.data.pipeline_tag == "token-classification"
    assert {one.dataset_name for one in card.data.eval_results} == {"aa (test)", "bb (test)"}
    assert "RANDOM-INIT before fine-tuning (layers 0-1)" in card.text
    assert "| reset |" in card.text
    assert re.search(r"\| bb \| accuracy \| [\d.]+ \| [\d.]+ to [\d.]+ \| \d+ \|", card.text)
    assert "epochs 2" in card.text
    assert "Its layers were changed on purpose" in card.text
    assert str(folder) not in card.content


def test_a_run_is_exported_with_what_was_done_after_fine_tuning(
    results: tuple[Path, Plan], tmp_path: Path
) -> None:
    folder, plan = results
    one = next(item for item in plan.of(Run) if item.columns["ablation"] == "without-1")
    ll.export(folder, one.id, tmp_path / "tagger")
    baseline = AutoModelForTokenClassification.from_pretrained(
        ll.export(folder, fit_of(plan, "none"), tmp_path / "baseline")
    )
    made = AutoModelForTokenClassification.from_pretrained(tmp_path / "tagger")
    assert made.config.num_hidden_layers == baseline.config.num_hidden_layers - 1
    assert "skipped after fine-tuning" in (tmp_path / "tagger" / "README.md").read_text(encoding="utf-8")


def test_what_no_class_has_is_refused_and_nothing_is_written(
    results: tuple[Path, Plan], tmp_path: Path
) -> None:
    folder, plan = results
    with pytest.raises(ArchitectureError, match="the attention of layers 1 are skipped.*whole layers can"):
        ll.export(folder, fit_of(plan, "without-attention"), tmp_path / "tagger")
    assert list(tmp_path.iterdir()) == []


def test_fits_are_found_by_the_beginning_of_their_id(
    results: tuple[Path, Plan], call: Call, tmp_path: Path
) -> None:
    folder, plan = results
    status, out, _ = call("export", folder)
    assert status == 0
    assert f"{fit_of(plan, 'none')}  weights kept" in out
    assert call("export", folder, "zz")[2].startswith(f"error: {folder}: unknown fit or run 'zz'")
    assert "begins the ids of" in call("export", folder, "")[2]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    status, _, err = call("export", folder, fit_of(plan, "none"), "-o", tmp_path / "full")
    assert status == 2
    assert "holds something already" in err


def test_a_fit_without_weights_is_trained_again_beside_the_results(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    study = make_study(
        treebanks, tiny_encoder, seeds=[0], targets=["bb"], ablations=[Ablation.none()], keep="none"
    )
    run(study, tmp_path / "results")
    fit = study.plan().of(Fit)[0]
    record = tmp_path / "results" / "fits" / fit.id / "record.json"
    before = record.read_bytes()
    if Store(tmp_path / "results").model(fit.id).is_dir():
        pytest.fail("the weights are kept, so the test shows nothing")
    with pytest.raises(CheckpointError, match=r"are not kept: `--again` trains it again beside the results"):
        ll.export(tmp_path / "results", fit.id, tmp_path / "tagger")
    ll.export(tmp_path / "results", fit.id, tmp_path / "tagger", again=True)
    card = (tmp_path / "tagger" / "README.md").read_text(encoding="utf-8")
    assert "are those of the first time, bit for bit" in card
    assert record.read_bytes() == before
    assert not list((tmp_path / "results" / "cache").glob("export-*"))


@pytest.mark.parametrize("word", ["first", "last", "mean"])
def test_words_are_read_as_the_fit_read_them(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path, word: str
) -> None:
    study = make_study(
        treebanks, tiny_encoder, seeds=[0], targets=["bb"], ablations=[Ablation.none()], word=word,
        training={"epochs": 1, "learning_rate": 1e-3, "batch_size": 16},
    )  # fmt: skip
    run(study, tmp_path / "results")
    fit_id = study.plan().of(Fit)[0].id
    ll.export(tmp_path / "results", fit_id, tmp_path / "tagger")
    words, labels = predict(Store(tmp_path / "results"), fit_id, "bb")
    assert [read_words(tmp_path / "tagger", one) for one in words[:3]] == labels[:3]


def test_pairs_are_classified_as_the_fit_classified_them(tiny_encoder: Path, tmp_path: Path) -> None:
    rows = [(f"mira {verb} .", f"tola {other} .", label) for verb, other, label in KINDS] * 8
    for split in ("train", "dev", "test"):
        (tmp_path / "data" / "aa").mkdir(parents=True, exist_ok=True)
        lines = ["\t".join(row) for row in rows]
        text = "\n".join(["premise\thypothesis\tlabel", *lines]) + "\n"
        (tmp_path / "data" / "aa" / f"{split}.tsv").write_text(text, encoding="utf-8")
    study = make_study(
        tmp_path / "data", tiny_encoder, tasks=["nli"], sources=["aa"], targets=["aa"], seeds=[0],
        ablations=[Ablation.none()],
    )  # fmt: skip
    run(study, tmp_path / "results")
    fit_id = study.plan().of(Fit)[0].id
    ll.export(tmp_path / "results", fit_id, tmp_path / "classifier")
    classify = pipeline("text-classification", model=str(tmp_path / "classifier"))
    fitted = load_fitted(Work(Store(tmp_path / "results"), WorkSettings(device="cpu"), silent), fit_id)
    fitted.model.eval()
    for first, second, _ in rows[: len(KINDS)]:
        pair = [Pair(first, second, "neutral")]
        encoded = fitted.task.encode(pair, fitted.labels, fitted.encoding.tokenizer_of("aa"), 64)
        batch = fitted.task.collate(encoded.examples, 0)
        with torch.inference_mode():
            wanted = forward_batch(fitted.model, batch)[0].softmax(dim=-1)
        found = classify({"text": first, "text_pair": second}, top_k=None)
        scores = {one["label"]: one["score"] for one in found}
        assert [scores[label] for label in fitted.labels] == pytest.approx(wanted.tolist(), abs=1e-4)


def test_pushing_makes_the_repository_and_uploads_the_folder(
    results: tuple[Path, Plan], call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, plan = results
    calls: list[tuple[str, Any]] = []

    class Endpoint:
        def create_repo(self, name: str, **options: Any) -> str:
            calls.append((name, options))
            return f"https://hub/{name}"

        def upload_folder(self, **options: Any) -> None:
            assert (Path(options["folder_path"]) / "model.safetensors").is_file()
            calls.append((options["repo_id"], options["folder_path"]))

    monkeypatch.setattr("huggingface_hub.HfApi", Endpoint)
    fit_id = fit_of(plan, "none")
    status, out, err = call("export", folder, fit_id, "-o", tmp_path / "tagger", "--push", "user/tagger")
    assert (status, err) == (0, "")
    assert "https://hub/user/tagger" in out
    assert calls == [
        ("user/tagger", {"repo_type": "model", "exist_ok": True}),
        ("user/tagger", tmp_path / "tagger"),
    ]
    status, _, err = call("export", folder, fit_id, "-o", tmp_path / "other", "--push", "tagger")
    assert status == 2
    assert "expected USER/NAME, got 'tagger'" in err
    assert not (tmp_path / "other").exists()


def test_a_hub_that_refuses_leaves_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Endpoint:
        def create_repo(self, name: str, **options: Any) -> str:
            raise OSError("401 Client Error")

    monkeypatch.setattr("huggingface_hub.HfApi", Endpoint)
    with pytest.raises(CheckpointError, match="cannot be pushed to user/tagger: 401.*hf auth login"):
        pushing.push(tmp_path, "user/tagger")


def test_an_empty_place_is_no_results_directory(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is no results directory"):
        ll.export(tmp_path, "ab", tmp_path / "tagger")
