"""A checkpoint by language as one plain Hugging Face folder for each language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layerlab.errors import CheckpointError
from layerlab.models.by_language.manifest import read_manifest
from layerlab.models.by_language.views import load_view
from layerlab.models.loading import NO_REMOTE_CODE, place_of, translated
from layerlab.models.quiet import quiet_transformers
from layerlab.models.tokenizers import load_tokenizer


def export_languages(name: str, folder: str | Path) -> list[Path]:
    """Write a checkpoint by language as plain folders, which ``from_pretrained`` of transformers loads.

    Args:
        name: A checkpoint with weights or tokenizers by language.
        folder: Gets a folder for each language, named by it.

    Returns:
        The folders.

    Raises:
        CheckpointError: The checkpoint has nothing by language, or a folder is there already.
    """
    from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM

    location = Path(place_of(name, None)[0])
    manifest = read_manifest(location) if location.is_dir() else None
    if manifest is None:
        raise CheckpointError(
            f"{name!r} has nothing by language: it is a plain checkpoint already; expected a folder with "
            "languages.json, as pretraining with `factors: {separate: ...}` makes it"
        )
    folders = [Path(folder) / language for language in manifest.languages]
    for one in folders:
        if one.exists():
            raise CheckpointError(f"{one} is there already; give another folder")
    for language, one in zip(manifest.languages, folders, strict=True):
        tokenizer = load_tokenizer(name, language=language)
        with translated(f"checkpoint {name!r} cannot be loaded", name), quiet_transformers():
            config = AutoConfig.from_pretrained(location, local_files_only=True)
            masked = any(kind.endswith("ForMaskedLM") for kind in config.architectures or ())
            auto: Any = AutoModelForMaskedLM if masked else AutoModel
            if manifest.parameters:
                model = load_view(auto, location, language)
            else:
                model = auto.from_pretrained(location, local_files_only=True, **NO_REMOTE_CODE)
        model.save_pretrained(one)
        tokenizer.save_pretrained(one)
    return folders
