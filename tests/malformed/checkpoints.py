"""Checkpoints that are broken: what is done to a whole folder, and what is said of it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from tests.malformed.place import Case

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
WEIGHTS = "model.safetensors"
Breaking = Callable[[Path], object]


def write(name: str, data: bytes | str) -> Breaking:
    return lambda folder: (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


def cut(name: str, size: int) -> Breaking:
    """Keep the first bytes of a file; of a negative size, leave out the last ones."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def lengthen(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes() + b"more")


def remove(name: str) -> Breaking:
    return lambda folder: (folder / name).unlink()


def configure(**changes: Any) -> Breaking:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **changes}))

    return change


def change_weights(change: Callable[[dict[str, Any]], object]) -> Breaking:
    def save(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        change(tensors)
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})

    return save


def transpose(tensors: dict[str, Any]) -> None:
    name = "encoder.layer.1.intermediate.dense.weight"
    tensors[name] = tensors[name].T.contiguous()


def shard(folder: Path) -> None:
    AutoModel.from_pretrained(folder).save_pretrained(folder, max_shard_size="40KB")
    (folder / WEIGHTS).unlink()
    sorted(folder.glob("model-*.safetensors"))[1].unlink()


def rename(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "weights.safetensors")


def spoil_index(folder: Path) -> None:
    rename(folder)
    (folder / f"{WEIGHTS}.index.json").write_text('{"weight_map": []}')


def climb(folder: Path) -> None:
    rename(folder)
    places = {"embeddings.word_embeddings.weight": "../../weights.safetensors"}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps({"weight_map": places}))


def ask_for_code(folder: Path) -> None:
    """Code of the checkpoint's own, which leaves a file where it is run."""
    (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoConfig": "remote.Config"}}))
    (folder / "remote.py").write_text(f"open({str(folder / 'ran')!r}, 'w').close()\nclass Config: pass\n")


def pickle_weights(folder: Path) -> None:
    """Weights that would run code when they are unpickled without care."""
    (folder / WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": print}, protocol=2))


def point_to_pickle(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_text(POINTER)


def cut_pickle(folder: Path) -> None:
    torch.save(load_file(folder / WEIGHTS), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    cut("pytorch_model.bin", 5000)(folder)


def random_pickle(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_bytes(b"<!DOCTYPE html>")


def quantise(tensors: dict[str, Any]) -> None:
    name = "embeddings.word_embeddings.weight"
    tensors[name] = tensors[name].to(torch.int8)


BROKEN: dict[str, tuple[Breaking, str]] = {
    "weights are a pointer": (write(WEIGHTS, POINTER), "safetensors: it is a Git LFS pointer"),
    "weights are empty": (write(WEIGHTS, ""), "the file is empty"),
    "weights are a page": (write(WEIGHTS, "<!DOCTYPE html><html>"), "does not begin like a safetensors"),
    "weights lack their end": (cut(WEIGHTS, -100), r"it was cut off: [\d,]+ bytes, expected [\d,]+"),
    "weights lack most of their header": (cut(WEIGHTS, 100), "cut off after 100 bytes, in its header"),
    "weights have more": (lengthen, "has more than its header says"),
    "weights have no header": (write(WEIGHTS, b"\x04\0\0\0\0\0\0\0nope"), "its header is not that of"),
    "weights are called otherwise": (rename, "holds no weights: expected .* weights.safetensors, which"),
    "weights are pickled code": (pickle_weights, "cannot be loaded: .*[Ww]eights"),
    "a pointer to pickled weights": (point_to_pickle, "pytorch_model.bin: it is a Git LFS pointer"),
    "pickled weights lack their end": (cut_pickle, "pytorch_model.bin: it was cut off after 5,000 bytes"),
    "pickled weights are none": (random_pickle, "does not begin like weights that PyTorch saved"),
    "weights are quantised": (change_weights(quantise), "word_embeddings.weight holds integers .I8."),
    "no weights": (remove(WEIGHTS), "holds no weights: expected"),
    "a shard is missing": (shard, r"names files that are not there: model-00002"),
    "an index is no index": (
        spoil_index,
        "is no index of weights",
    ),
    "other vocabulary": (
        configure(vocab_size=95),
        r"embeddings.word_embeddings.weight has shape \(\d+, 32\) in its weights, \(95, 32\) by",
    ),
    "other width": (configure(intermediate_size=48), r"has shape \(\d+.*\) in its weights, \(\d+.*\) by"),
    "transposed": (change_weights(transpose), r"layer.1.intermediate.dense.weight has shape \(32, 64\)"),
    "fewer layers than weights": (configure(num_hidden_layers=3), "weights are of 4 layers, .* says 3"),
    "more layers than weights": (configure(num_hidden_layers=5), "lacks 16 tensors of its encoder"),
    "a tensor is missing": (
        change_weights(lambda tensors: tensors.pop("encoder.layer.0.output.dense.bias")),
        "lacks 1 tensors of its encoder: encoder.layer.0.output.dense.bias",
    ),
    "heads do not divide the width": (configure(num_attention_heads=5), "cannot be loaded: .*multiple"),
    "no configuration": (remove("config.json"), "no checkpoint"),
    "configuration is a pointer": (write("config.json", POINTER), "config.json: it is a Git LFS pointer"),
    "configuration is cut off": (cut("config.json", 60), r"config.json:\d+: not JSON .* cut off"),
    "configuration is no mapping": (write("config.json", "[]"), "holds a list; expected the config"),
    "configuration is no text": (write("config.json", b"\xff\xfe"), "UTF-16 text; expected UTF-8"),
    "configuration lacks its kind": (write("config.json", "{}"), "cannot be loaded: .*model_type"),
    "kind is no text": (configure(model_type=5), "model_type is 5; expected text, such as bert"),
    "unknown kind": (configure(model_type="brt"), "unknown model type 'brt'; did you mean 'bert'"),
    "depth is text": (
        configure(num_hidden_layers="four"),
        "num_hidden_layers is 'four'; expected a whole number of at least 1",
    ),
    "depth is zero": (configure(num_hidden_layers=0), "num_hidden_layers is 0; expected a whole number"),
    "width is zero": (configure(hidden_size=0), "hidden_size is 0; expected a whole number of at least 1"),
    "depth is a million": (configure(num_hidden_layers=10**6), "is 1000000; expected at most 1,000"),
    "configuration is lists in lists": (write("config.json", "[" * 100_000), "config.json: not JSON .*depth"),
    "configuration has 5,000 digits": (
        write("config.json", '{"vocab_size": ' + "9" * 5000 + "}"),
        "config.json: not JSON .*Exceeds the limit",
    ),
    "weights are garbage": (write(WEIGHTS, b"\xff" * 5000), "does not begin like a safetensors file"),
    "an index climbs out": (climb, "names files outside of its folder: ../../weights.safetensors; expected"),
    "code is to be run": (ask_for_code, r"auto_map .*remote.Config.* in its config.json.*layerlab runs none"),
}


def remove_vocabulary(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def change_vocabulary(change: Callable[[dict[str, Any]], object]) -> Breaking:
    def save(folder: Path) -> None:
        tokenizer = json.loads((folder / "tokenizer.json").read_text())
        change(tokenizer)
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))

    return save


def keep_special(tokenizer: dict[str, Any]) -> None:
    tokenizer["model"]["vocab"] = {one["content"]: one["id"] for one in tokenizer["added_tokens"]}


def add_token(tokenizer: dict[str, Any]) -> None:
    tokenizer["model"]["vocab"]["ribarnica"] = len(tokenizer["model"]["vocab"]) + 5


BROKEN_TOKENIZERS: dict[str, tuple[Breaking, str]] = {
    "no tokenizer": (remove_vocabulary, "holds no tokenizer: expected tokenizer.json, vocab.txt"),
    "settings alone": (remove("tokenizer.json"), "holds no tokenizer"),
    "a pointer": (write("tokenizer.json", POINTER), "tokenizer.json: it is a Git LFS pointer"),
    "cut off": (cut("tokenizer.json", 500), "no tokenizer at"),
    "empty": (write("tokenizer.json", ""), "no tokenizer at"),
    "settings are no JSON": (write("tokenizer_config.json", "{"), "no tokenizer at"),
    "special tokens alone": (change_vocabulary(keep_special), "special tokens and no vocabulary"),
    "an id without a row": (change_vocabulary(add_token), r"has ids up to \d+, its embeddings \d+ rows"),
}


def in_place(breaking: Breaking, pattern: str) -> Case:
    """Return a case of a study whose encoder is broken."""
    return Case(lambda place: breaking(place.root / "encoder"), (), pattern=pattern)


CHECKPOINTS = {
    **{kind: in_place(*case) for kind, case in BROKEN.items()},
    **{f"{kind}, of a tokenizer": in_place(*case) for kind, case in BROKEN_TOKENIZERS.items()},
}
