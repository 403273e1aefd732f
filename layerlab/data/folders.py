"""Corpora in local folders: ``<root>/<language>/<split>.conllu``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from layerlab.errors import DataError, unknown

SPLIT_NAMES = ("train", "dev", "test")


def find_file(
    root: Path, folders: Mapping[str, str], language: str, split: str, formats: Sequence[str]
) -> Path:
    """Find the file of a split.

    A language is a folder under the root, or one file ``<language>.conllu``, which then is a test split,
    as in the parallel treebanks.

    Args:
        root: Folder of all languages.
        folders: Folders that are not called like their language.
        language: As the study calls it.
        split: ``train``, ``dev`` or ``test``.
        formats: File name endings without the dot, the preferred one first.

    Raises:
        DataError: No such root, language or split; says which there are.
    """
    if not root.is_dir():
        raise DataError(f"no such data folder: {root}")
    folder = root / folders.get(language, language)
    found = split_files(folder, formats)
    if split in found:
        return found[split]
    endings = " or ".join(f".{ending}" for ending in formats)
    if found:
        raise DataError(
            f"{language} has no {split} split: expected {folder / split}{endings}; it has {', '.join(found)}"
        )
    if language in folders:
        raise DataError(f"{language}: no {endings} files in {folder}")
    there = languages_in(root, folders, formats)
    raise DataError(f"{root}: {unknown('language', language, there)} (folders with {endings} files)")


def has_language(root: Path, folders: Mapping[str, str], language: str, formats: Sequence[str]) -> bool:
    """Return whether a root has any split of a language."""
    return bool(split_files(root / folders.get(language, language), formats))


def split_files(folder: Path, formats: Sequence[str]) -> dict[str, Path]:
    """Return the splits of a language's folder, and of a single file the test split."""
    found: dict[str, Path] = {}
    for ending in formats:
        for split in SPLIT_NAMES:
            path = folder / f"{split}.{ending}"
            if path.is_file():
                found.setdefault(split, path)
        single = folder.with_name(f"{folder.name}.{ending}")
        if single.is_file():
            found.setdefault("test", single)
    return found


def languages_in(root: Path, folders: Mapping[str, str], formats: Sequence[str]) -> tuple[str, ...]:
    """Return the languages that have at least one split under a root."""
    names = {path.name for path in root.iterdir() if path.is_dir()}
    names |= {path.stem for path in root.iterdir() if path.suffix.removeprefix(".") in formats}
    names = {name for name in names - set(folders.values()) if split_files(root / name, formats)}
    names |= {name for name, folder in folders.items() if split_files(root / folder, formats)}
    return tuple(sorted(names))
