"""Checkpoints by name: where they are, what identifies them, how deep they are; no weights are loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from layerlab.errors import CheckpointError
from layerlab.files import digest_file
from layerlab.models.anatomy import anatomy_of
from layerlab.models.loading import not_found, split_revision

# Files of a local checkpoint that can change a number.
WEIGHT_PATTERNS = ("*.safetensors", "pytorch_model*.bin")
TOKENIZER_PATTERNS = (
    "tokenizer*", "vocab*", "merges*", "*.model", "*.spm", "special_tokens_map.json", "added_tokens.json",
)  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """A pretrained model, found but not loaded.

    Attributes:
        name: As the study names it.
        location: Folder or Hub id to load from.
        revision: Commit of a Hub model; None for a folder.
        digest: Identity of weights and tokenizer.
        model_type: Architecture.
        n_layers: Depth.
        hidden_size: Width of the states between layers.
    """

    name: str
    location: str
    revision: str | None
    digest: str
    model_type: str
    n_layers: int
    hidden_size: int

    @property
    def label(self) -> str:
        """Short name for records and figures: the last part of a folder's path, or the Hub id."""
        return Path(self.location).name if self.revision is None else self.location

    @property
    def reference(self) -> str:
        """What loads exactly these weights: the folder, or ``id@commit``."""
        return self.location if self.revision is None else f"{self.location}@{self.revision}"


def find_checkpoint(name: str) -> Checkpoint:
    """Find a checkpoint by folder, by the name of an encoder that comes with layerlab, or by Hub id.

    A Hub id may have a revision: ``id@revision``.

    Raises:
        CheckpointError: There is no such folder and the Hub does not give it.
        ArchitectureError: layerlab does not know the architecture, or refuses it.
    """
    from transformers import AutoConfig

    location, revision = split_revision(name)
    if Path(location).is_dir():
        location = str(Path(location).resolve())
    else:
        revision = revision or "main"
    try:
        config = AutoConfig.from_pretrained(location, revision=revision or "main")
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(not_found(name, error)) from error
    anatomy_of(config.model_type)
    if revision is None:
        identity = digest_folder(Path(location))
    else:
        revision = getattr(config, "_commit_hash", None) or revision
        identity = f"{location}@{revision}"
    depth, width = int(config.num_hidden_layers), int(config.hidden_size)
    return Checkpoint(name, location, revision, identity, config.model_type, depth, width)


def distinct_labels(checkpoints: Sequence[Checkpoint]) -> dict[str, str]:
    """Return a short label for each checkpoint's name, longer where two would be the same.

    Folders that are called the same get as much of their parents as tells them apart.
    """
    labels = {checkpoint.name: checkpoint.label for checkpoint in checkpoints}
    for depth in range(2, 20):
        twice = {label for label in labels.values() if list(labels.values()).count(label) > 1}
        if not twice:
            break
        for checkpoint in checkpoints:
            if labels[checkpoint.name] in twice:
                parts = Path(checkpoint.location).parts
                short = "/".join(parts[-depth:]) if checkpoint.revision is None else checkpoint.name
                labels[checkpoint.name] = short
    return labels


def digest_folder(folder: Path) -> str:
    """Return a digest of the files of a checkpoint folder that can change a number.

    Raises:
        CheckpointError: The folder holds no weights.
    """
    weights = {path for pattern in WEIGHT_PATTERNS for path in folder.glob(pattern)}
    others = {path for pattern in ("config.json", *TOKENIZER_PATTERNS) for path in folder.glob(pattern)}
    files = sorted(path for path in weights | others if path.is_file())
    if not weights:
        raise CheckpointError(f"{folder} holds no weights: expected *.safetensors beside its config.json")
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}:{digest_file(path)}\n".encode())
    return total.hexdigest()[:16]
