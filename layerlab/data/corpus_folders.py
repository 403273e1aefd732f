"""Corpora in local folders: ``<root>/<language>/<split>.conllu``, other treebanks ``<root>/en/GUM.conllu``.

A target such as ``en:GUM``, a language and one of its treebanks, is looked for as
``<root>/en/GUM/<split>.conllu``, as one file ``<root>/en/GUM.conllu``, which then is a test split, as
``<root>/en-GUM/...``, and as the first two under ``<root>_domains``, for treebanks that are kept apart from
those of the languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from layerlab.errors import DataError, unknown
from layerlab.targets import split_target

SPLIT_NAMES = ("train", "dev", "test")


def find_file(
    root: Path, folders: Mapping[str, str], language: str, split: str, formats: Sequence[str]
) -> Path:
    """Find the file of a split.

    A language is a folder under the root, or one file ``<language>.conllu``, which then is a test split,
    as in the parallel treebanks; where a treebank is looked for stands above.

    Args:
        root: Folder of all languages.
        folders: Folders that are not called like their language or treebank.
        language: As the study calls it: a language, or language and treebank.
        split: ``train``, ``dev`` or ``test``.
        formats: File name endings without the dot, the preferred one first.

    Raises:
        DataError: No such root, language, treebank or split; says which there are.
    """
    if not root.is_dir():
        raise DataError(f"no such data folder: {root}")
    folder, found = _first_with_files(root, folders, language, formats)
    if split in found:
        return found[split]
    endings = " or ".join(f".{ending}" for ending in formats)
    if found:
        raise DataError(
            f"{language} has no {split} split: expected {folder / split}{endings}; it has {', '.join(found)}"
        )
    if language in folders:
        raise DataError(f"{language}: no {endings} files in {folder}")
    name, treebank = split_target(language)
    if treebank:
        there = treebanks_in(root, folders, name, formats)
        raise DataError(
            f"{root}: {unknown(f'treebank of {name}', treebank, there)}; expected {folder}/{split}{endings} "
            f"or {folder}{endings}, there or under {_beside(root)}"
        )
    there = languages_in(root, folders, formats)
    raise DataError(f"{root}: {unknown('language', language, there)} (folders with {endings} files)")


def has_language(root: Path, folders: Mapping[str, str], language: str, formats: Sequence[str]) -> bool:
    """Return whether a root has any split of a language or treebank."""
    return bool(_first_with_files(root, folders, language, formats)[1])


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


def treebanks_in(
    root: Path, folders: Mapping[str, str], language: str, formats: Sequence[str]
) -> tuple[str, ...]:
    """Return the treebanks of a language, besides the language's own corpus, that have at least one split."""
    own = folders.get(language, language)
    names = {split_target(name)[1] for name in folders if split_target(name)[0] == language}
    for folder in (root / own, _beside(root) / language):
        names |= {path.stem if path.is_file() else path.name for path in _listed(folder)}
    start = f"{own}-"
    names |= {path.stem.removeprefix(start) for path in _listed(root) if path.name.startswith(start)}
    return tuple(
        sorted(name for name in names if name and has_language(root, folders, f"{language}:{name}", formats))
    )


def _first_with_files(
    root: Path, folders: Mapping[str, str], name: str, formats: Sequence[str]
) -> tuple[Path, dict[str, Path]]:
    """Return the folder of a language or treebank and its splits; where there is none, the first expected."""
    language, treebank = split_target(name)
    places = [root / folders.get(name, name)]
    if treebank and name not in folders:
        own = folders.get(language, language)
        places = [root / own / treebank, root / f"{own}-{treebank}", _beside(root) / language / treebank]
        if treebank in SPLIT_NAMES:  # train.conllu in the folder of a language is no treebank
            return places[0], {}
    found = ((place, split_files(place, formats)) for place in places)
    return next((one for one in found if one[1]), (places[0], {}))


def _beside(root: Path) -> Path:
    """Return the folder of treebanks that are kept apart from those of the languages."""
    whole = root.resolve()
    return whole.with_name(f"{whole.name}_domains") if whole.name else whole


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
