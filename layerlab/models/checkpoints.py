"""Checkpoints by name: where they are, what identifies them, how deep they are; no weights are loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from layerlab.errors import CheckpointError, LayerlabError
from layerlab.files import digest_file
from layerlab.models.anatomy import anatomy_of
from layerlab.models.by_language.manifest import files_by_language
from layerlab.models.by_language.views import manifest_of
from layerlab.models.loading import check_weights, load_config, split_revision
from layerlab.models.stored.folders import TOKENIZER_PATTERNS, WEIGHT_PATTERNS, matching
from layerlab.models.stored.remembered import recall, remembered

# The kind of what is remembered of a folder whose weights were checked.
_FOUND = "found"


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
        languages: Those that have weights of their own; none where all languages share all weights.
    """

    name: str
    location: str
    revision: str | None
    digest: str
    model_type: str
    n_layers: int
    hidden_size: int
    languages: tuple[str, ...] = ()

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

    Its weights are checked by names and shapes, as far as they are on this machine.

    Raises:
        CheckpointError: There is no such folder and the Hub does not give it; a file of it is broken; or its
            weights are not those that its configuration asks for.
        ArchitectureError: layerlab does not know the architecture, or refuses it.
    """
    location, revision = split_revision(name)
    if known := _recall(name, location):
        return known
    if Path(location).is_dir():
        location = str(Path(location).resolve())
        config = load_config(location)
        identity = digest_folder(Path(location))
    else:
        config = load_config(name, revision=revision or "main")
        revision = getattr(config, "_commit_hash", None) or revision or "main"
        identity = f"{location}@{revision}"
    check_weights(location, revision, identity)
    depth, width = int(config.num_hidden_layers), int(config.hidden_size)
    facts = {"model_type": config.model_type, "n_layers": depth, "hidden_size": width}
    if revision is None:
        remembered(_FOUND, identity, lambda: facts)
    return Checkpoint(name, location, revision, identity, **facts, languages=_languages_of(location))


def _recall(name: str, location: str) -> Checkpoint | None:
    """Return a folder that was found, and its weights checked, before; None if it has changed since."""
    if not Path(location, "config.json").is_file():
        return None
    try:
        location = str(Path(location).resolve())
        identity = digest_folder(Path(location))
        facts = recall(_FOUND, identity)
        if facts is None:
            return None
        anatomy_of(facts["model_type"])
        return Checkpoint(name, location, None, identity, **facts, languages=_languages_of(location))
    except (LayerlabError, OSError, KeyError, TypeError):
        return None  # said when it is looked at in earnest


def _languages_of(location: str) -> tuple[str, ...]:
    manifest = manifest_of(location)
    return () if manifest is None else manifest.languages


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
    weights = matching(folder, WEIGHT_PATTERNS)
    others = matching(folder, ("config.json", *TOKENIZER_PATTERNS))
    files = sorted(path for path in weights | others if path.is_file())
    by_language = files_by_language(folder)
    if not (weights or by_language):
        raise CheckpointError(f"{folder} holds no weights: expected *.safetensors beside its config.json")
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}:{digest_file(path)}\n".encode())
    for path in by_language:
        total.update(f"{path.relative_to(folder)}:{digest_file(path)}\n".encode())
    return total.hexdigest()[:16]
