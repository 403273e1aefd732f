"""A broken checkpoint is told from a good one before a study is spent on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from layerlab.data.bitext import Bitext, pairs_with
from layerlab.inspection.inspect import inspect_checkpoint
from layerlab.languages.corpora.on_demand import speak
from layerlab.models.stored.bundled import bundled_folder
from tests.fixtures.command_line import Call

MODEL = "minimbert-controlled"
Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def bitexts() -> tuple[Bitext, ...]:
    """Sentences of two of the languages that the encoder was trained on."""
    names = ("ilda", "jora")
    spoken = {name: speak(name, "test", 40, 0, ("test",), "instrument") for name in names}
    return pairs_with(spoken, (), "ilda")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a bundled encoder, to be broken."""
    origin = bundled_folder(MODEL)
    assert origin is not None
    copy = tmp_path / "mine"
    shutil.copytree(origin, copy)
    return copy


def edit(folder: Path, change: Callable[[Weights], Weights | None]) -> None:
    """Change the weights of a checkpoint."""
    weights = load_file(folder / "model.safetensors")
    save_file(change(weights) or weights, folder / "model.safetensors", metadata={"format": "pt"})


def configure(folder: Path, **changes: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def exchange_queries_and_keys(weights: Weights) -> None:
    name = next(name for name in weights if "layers.3.attn.Wqkv.weight" in name)
    query, key, value = weights[name].chunk(3)
    weights[name] = torch.cat([key, query, value])


def shuffle_rows(weights: Weights) -> None:
    name = next(name for name in weights if name.endswith("tok_embeddings.weight"))
    order = torch.randperm(len(weights[name]), generator=torch.Generator().manual_seed(0))
    weights[name] = weights[name][order].contiguous()


def overflow(weights: Weights) -> None:
    name = next(name for name in weights if "layers.5.mlp.Wi.weight" in name)
    weights[name][0, 0] = float("inf")


def lose_layer(weights: Weights) -> Weights:
    return {name: one for name, one in weights.items() if "layers.7." not in name}


def renew_layer(weights: Weights) -> None:
    for name in weights:
        if "layers.2." in name and weights[name].ndim == 1:
            weights[name].fill_(1.0)


def widen_layer(weights: Weights) -> None:
    name = next(name for name in weights if "layers.4.mlp.Wo.weight" in name)
    weights[name] *= 20


def cut_rows(weights: Weights) -> None:
    for name in weights:
        if "tok_embeddings.weight" in name or name.startswith("decoder."):
            weights[name] = weights[name][:-100].clone()


def truncate_vocabulary(folder: Path) -> None:
    edit(folder, cut_rows)
    configure(folder, vocab_size=_rows(folder))


def take_other_tokenizer(folder: Path) -> None:
    """Let every word stand for another, as the tokenizer of another model does."""
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    words = sorted(word for word in vocabulary if not word.startswith("["))
    ids = [vocabulary[word] for word in words]
    vocabulary.update(zip(words, ids[7:] + ids[:7], strict=True))
    file.write_text(json.dumps(tokenizer), encoding="utf-8")


def write_over(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "wrong padding": (lambda folder: configure(folder, pad_token_id=4), "padding: configuration 4"),
    "a layer missing": (lambda folder: edit(folder, lose_layer), "lacks"),
    "a layer never loaded": (lambda folder: edit(folder, renew_layer), "layer 2: norms are 1"),
    "a layer of another scale": (lambda folder: edit(folder, widen_layer), "Wo.weight of layer 4 spreads"),
    "overflow": (lambda folder: edit(folder, overflow), "not finite"),
    "truncated vocabulary": (truncate_vocabulary, "ids up to"),
    "a file cut off": (write_over, "was cut off"),
}  # fmt: skip
FAULTS_IN_TEXT: dict[str, tuple[Callable[[Path], None], str]] = {
    "shuffled embedding rows": (lambda folder: edit(folder, shuffle_rows), "masked words"),
    "tokenizer of another model": (take_other_tokenizer, "masked words"),
    "queries and keys of a layer exchanged": (
        lambda folder: edit(folder, exchange_queries_and_keys),
        "queries and keys: layer 3",
    ),
}


def _rows(folder: Path) -> int:
    weights = load_file(folder / "model.safetensors")
    return len(next(one for name, one in weights.items() if name.endswith("tok_embeddings.weight")))


def broken(folder: Path, bitexts: tuple[Bitext, ...]) -> list[str]:
    found = inspect_checkpoint(str(folder), bitexts)
    assert found.verdict == "broken", str(found)
    return [f"{one.what}: {one.found}" for one in found.findings if one.verdict == "broken"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_files_and_weights_is_found(fault: str, folder: Path) -> None:
    damage, said = FAULTS[fault]
    damage(folder)
    assert any(said in one for one in broken(folder, ()))


@pytest.mark.parametrize("fault", FAULTS_IN_TEXT)
def test_a_fault_that_only_text_shows_is_found(fault: str, folder: Path, bitexts: tuple[Bitext, ...]) -> None:
    damage, said = FAULTS_IN_TEXT[fault]
    assert inspect_checkpoint(str(folder)).verdict == "good"
    damage(folder)
    assert any(said in one for one in broken(folder, bitexts))


def test_exchanged_biases_give_themselves_away(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "bert"
    shutil.copytree(checkpoint("bert"), folder)

    def train(weights: Weights) -> None:
        """Do what training does to biases of keys: nothing, as the softmax takes them out."""
        for name in weights:
            if name.endswith("key.bias"):
                weights[name] *= 0.01

    def exchange(weights: Weights) -> None:
        names = [f"encoder.layer.1.attention.self.{part}" for part in ("query", "key")]
        for kind in ("weight", "bias"):
            one, other = (f"{name}.{kind}" for name in names)
            weights[one], weights[other] = weights[other], weights[one]

    edit(folder, train)
    _add_tokenizer(folder)
    assert inspect_checkpoint(str(folder)).verdict == "good"
    edit(folder, exchange)
    assert "layer 1: the key bias has learnt" in " ".join(broken(folder, ()))


def _add_tokenizer(folder: Path) -> None:
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizer

    trained = BertWordPieceTokenizer(lowercase=False)
    trained.train_from_iterator(["mira tola"] * 3, vocab_size=30, min_frequency=1, show_progress=False)
    BertTokenizer(tokenizer_object=trained._tokenizer, model_max_length=40).save_pretrained(folder)


@pytest.mark.parametrize("name", [MODEL, "minimbert"])
def test_a_good_encoder_passes_without_text(name: str) -> None:
    found = inspect_checkpoint(name)
    assert found.verdict == "good", str(found)


@pytest.mark.parametrize("form", ["as it is", "float32", "encoder alone", "pickled"])
def test_a_good_encoder_passes_with_text_in_every_form(
    form: str, folder: Path, bitexts: tuple[Bitext, ...]
) -> None:
    from transformers import AutoModel, AutoModelForMaskedLM

    if form == "float32":
        AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).save_pretrained(folder)
    elif form == "encoder alone":
        AutoModel.from_pretrained(folder, dtype=torch.float32).save_pretrained(folder)
    elif form == "pickled":
        torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    found = inspect_checkpoint(str(folder), bitexts)
    assert found.verdict in ("good", "doubtful"), str(found)
    assert all(one.verdict == "good" for one in found.findings if one.what != "translations"), str(found)


def test_the_verb_prints_a_table_and_a_verdict(call: Call, folder: Path) -> None:
    code, out, _ = call("check", folder, "--no-text")
    assert code == 0
    assert out.splitlines()[-1] == f"{folder} is good"
    configure(folder, pad_token_id=4)
    code, out, _ = call("check", folder, "--no-text")
    assert code == 1
    assert out.splitlines()[-1].startswith(f"{folder} is broken: 1 of ")


def test_the_verb_says_which_parallel_sentences_there_are(call: Call) -> None:
    code, _, error = call("check", MODEL, "--parallel", "nowhere")
    assert code == 2
    assert "nowhere" in error
