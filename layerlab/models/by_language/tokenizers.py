"""Tokenizers of a checkpoint by language: where they lie, and what becomes of them when it is written."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from layerlab.models.by_language.manifest import FOLDER, Manifest, read_manifest, write_manifest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def languages_with_tokenizers(folder: str | Path) -> tuple[str, ...]:
    """Return the languages of a checkpoint folder that have tokenizers of their own; none for a plain one.

    Raises:
        CheckpointError: What it says of its languages cannot be.
    """
    manifest = read_manifest(folder) if Path(folder).is_dir() else None
    return manifest.languages if manifest is not None and manifest.tokenizers else ()


def save_tokenizers(folder: str | Path, own: Mapping[str, PreTrainedTokenizerBase]) -> None:
    """Write a tokenizer for each language beside a checkpoint, which may have weights by language already."""
    for language, tokenizer in own.items():
        tokenizer.save_pretrained(Path(folder) / FOLDER / language)
    _say_that_there_are(Path(folder), tuple(own))


def copy_tokenizers(source: str | Path, folder: str | Path) -> None:
    """Take the tokenizers of a checkpoint's languages into another folder, if they have their own."""
    languages = languages_with_tokenizers(source)
    for language in languages:
        there = Path(folder) / FOLDER / language
        there.mkdir(parents=True, exist_ok=True)
        for path in (Path(source) / FOLDER / language).iterdir():
            if path.suffix != ".safetensors":
                shutil.copy(path, there / path.name)
    if languages:
        _say_that_there_are(Path(folder), languages)


def _say_that_there_are(folder: Path, languages: tuple[str, ...]) -> None:
    manifest = read_manifest(folder) or Manifest(languages)
    write_manifest(folder, replace(manifest, tokenizers=True))
