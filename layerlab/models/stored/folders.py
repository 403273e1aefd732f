"""The folder of a checkpoint: which files it has to hold, and whether they are whole; nothing is loaded."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from layerlab.errors import CheckpointError
from layerlab.files import leaves_folder, read_json
from layerlab.models.by_language.manifest import read_manifest

# Files of a checkpoint that can change a number.
WEIGHT_PATTERNS: Final = ("*.safetensors", "pytorch_model*.bin")
TOKENIZER_PATTERNS: Final = (
    "tokenizer*", "vocab*", "merges*", "*.model", "*.spm", "special_tokens_map.json", "added_tokens.json",
)  # fmt: skip

# Where transformers looks for weights, in its order; an index names the files that they are spread over.
_WEIGHTS: Final = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
# They say how to read a vocabulary and hold none.
_NO_VOCABULARY: Final = frozenset({"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"})
# Sizes of an encoder, as the architectures call them.
_SIZES: Final = (
    "num_hidden_layers", "n_layers", "hidden_size", "dim", "num_attention_heads", "n_heads",
    "intermediate_size", "hidden_dim", "vocab_size", "max_position_embeddings",
)  # fmt: skip
#: Layers of the deepest encoder that is built; to build one takes time before anything is checked.
MOST_LAYERS: Final = 1_000
_POINTER: Final = b"version https://git-lfs"
_LONGEST_HEADER: Final = 100_000_000


def check_folder(folder: Path) -> None:
    """Check the configuration and the weights of a checkpoint as far as that takes no loading.

    Raises:
        CheckpointError: There are none, a file is a Git LFS pointer or was cut off, or an index names files
            that are not there.
    """
    read_config_file(folder)
    for path in weight_files(folder):
        check_weight_file(path)


def read_config_file(folder: Path) -> Mapping[str, Any]:
    """Return what the ``config.json`` of a checkpoint says.

    Raises:
        CheckpointError: There is none, or it is no configuration.
    """
    path = folder / "config.json"
    refuse_pointer(path)
    config = read_json(path, CheckpointError)
    if not isinstance(config, dict):
        raise CheckpointError(
            f"{path} holds a {type(config).__name__}; expected the configuration of a model"
        )
    if not isinstance(config.get("model_type", ""), str):
        raise CheckpointError(f"{path}: model_type is {config['model_type']!r}; expected text, such as bert")
    if fault := fault_of_sizes(config):
        raise CheckpointError(f"{path}: {fault}")
    return config


def fault_of_sizes(config: Mapping[str, Any]) -> str:
    """Say which size of an encoder cannot be; nothing if all can.

    >>> fault_of_sizes({"num_hidden_layers": 0})
    'num_hidden_layers is 0; expected a whole number of at least 1'
    """
    for name in _SIZES:
        value = config.get(name)
        if value is not None and (type(value) is not int or value < 1):
            return f"{name} is {value!r}; expected a whole number of at least 1"
        if value is not None and name in _SIZES[:2] and value > MOST_LAYERS:
            return f"{name} is {value}; expected at most {MOST_LAYERS:,}"
    return ""


def weight_files(folder: Path) -> tuple[Path, ...]:
    """Return the files that hold the weights of a checkpoint.

    Raises:
        CheckpointError: There are none, or an index names files that are not there.
    """
    manifest = read_manifest(folder)
    if manifest is not None and manifest.parameters:
        lost = [path for path in manifest.weight_files(folder) if not path.is_file()]
        if lost:
            raise CheckpointError(f"{folder} lacks weights of a language: {lost[0].relative_to(folder)}")
        return manifest.weight_files(folder)
    name = next((name for name in _WEIGHTS if (folder / name).is_file()), None)
    if name is None:
        there = sorted(path.name for pattern in WEIGHT_PATTERNS for path in folder.glob(pattern))
        has = f"; it has {', '.join(there[:5])}, which are not read" if there else ""
        raise CheckpointError(
            f"{folder} holds no weights: expected model.safetensors beside its config.json{has}"
        )
    path = folder / name
    if not name.endswith(".index.json"):
        return (path,)
    refuse_pointer(path)
    index = read_json(path, CheckpointError)
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not places or not all(isinstance(one, str) for one in places.values()):
        raise CheckpointError(f"{path} is no index of weights; expected a weight_map from tensors to files")
    if outside := [one for one in places.values() if leaves_folder(one)]:
        raise CheckpointError(
            f"{path} names files outside of its folder: {outside[0]}; expected files beside it"
        )
    files = tuple(folder / one for one in sorted(set(places.values())))
    missing = [one.name for one in files if not one.is_file()]
    if missing:
        raise CheckpointError(f"{path} names files that are not there: {', '.join(missing[:5])}")
    return files


def check_weight_file(path: Path) -> None:
    """Check that a file of weights is whole; of a safetensors file its header and its size.

    Raises:
        CheckpointError: It is a Git LFS pointer, was cut off, or is something else.
    """
    refuse_pointer(path)
    size = path.stat().st_size
    fault_of = _fault_of_safetensors if path.suffix == ".safetensors" else _fault_of_pickle
    if fault := fault_of(path, size) if size else "the file is empty":
        raise CheckpointError(f"cannot read {path}: {fault}")


def _fault_of_safetensors(path: Path, size: int) -> str:
    """Say what is wrong with the header or the size of a safetensors file; nothing if they are right."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= _LONGEST_HEADER:
            return "it does not begin like a safetensors file"
        start = file.read(length)
    if len(start) < length:
        return f"it was cut off after {size:,} bytes, in its header"
    try:
        header = json.loads(start)
        tensors = {name: one for name, one in header.items() if name != "__metadata__"}
        ends = [int(one["data_offsets"][1]) for one in tensors.values()]
        empty = [name for name, one in tensors.items() if math.prod(one["shape"]) < 0]
        kinds = {name: str(one["dtype"]) for name, one in tensors.items()}
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
        return "its header is not that of a safetensors file"
    if not tensors or empty:
        return "it holds no tensors"
    for name, kind in kinds.items():
        if name.endswith((".weight", ".bias")) and kind[:1] in "IUB" and kind != "BF16":
            return f"{name} holds integers ({kind}), as quantised weights do; expected floating-point numbers"
    expected = 8 + length + max(ends)
    how = "was cut off" if size < expected else "has more than its header says"
    return "" if size == expected else f"it {how}: {size:,} bytes, expected {expected:,}"


def _fault_of_pickle(path: Path, size: int) -> str:
    """Say why a file is none of PyTorch's, or no whole one; nothing if it is."""
    with path.open("rb") as file:
        start = file.read(2)
    if start == b"PK" and not zipfile.is_zipfile(path):
        return f"it was cut off after {size:,} bytes"
    return (
        "" if start == b"PK" or start[:1] == b"\x80" else "it does not begin like weights that PyTorch saved"
    )


def check_tokenizer_files(folder: Path) -> None:
    """Check that a checkpoint has a vocabulary: without one, transformers makes up a tokenizer.

    Raises:
        CheckpointError: There is none, or a file of it is a Git LFS pointer.
    """
    files = [path for path in matching(folder, TOKENIZER_PATTERNS) if path.is_file()]
    for path in files:
        refuse_pointer(path)
    if all(path.name in _NO_VOCABULARY for path in files):
        raise CheckpointError(
            f"{folder} holds no tokenizer: expected tokenizer.json, vocab.txt or another vocabulary "
            "beside its config.json"
        )


def refuse_pointer(path: Path) -> None:
    """Refuse a file that only says where Git LFS keeps the real one.

    Raises:
        CheckpointError: It is such a pointer.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_POINTER))
    except OSError:
        return  # said by whoever reads it
    if start == _POINTER:
        raise CheckpointError(
            f"cannot read {path}: it is a Git LFS pointer; `git lfs pull` gets the file itself"
        )


def matching(folder: Path, patterns: Iterable[str]) -> set[Path]:
    """Return the files of a folder that match a pattern."""
    return {path for pattern in patterns for path in folder.glob(pattern)}
