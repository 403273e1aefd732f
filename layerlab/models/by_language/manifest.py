"""What a checkpoint folder says of its languages: which there are, and what each has of its own.

A checkpoint by language is one folder: ``config.json``, what all languages share (weights in
``shared.safetensors``, a tokenizer), ``languages.json``, and ``languages/<language>/`` with what each has of
its own (weights in ``own.safetensors``, a tokenizer). Without ``model.safetensors``, transformers refuses to
load it as if it were of one language.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from layerlab.errors import CheckpointError, unknown
from layerlab.files import leaves_folder, read_json, write_json
from layerlab.targets import language_of

MANIFEST: Final = "languages.json"
SHARED: Final = "shared.safetensors"
OWN: Final = "own.safetensors"
FOLDER: Final = "languages"
_VERSION: Final = 1


@dataclass(frozen=True)
class Manifest:
    """The languages of a checkpoint.

    Attributes:
        languages: Their names.
        parameters: Names of the parameters that each language has of its own, as the weights have them.
        tokenizers: Whether each has a tokenizer of its own.
    """

    languages: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    tokenizers: bool = False

    def language_for(self, target: str, checkpoint: str) -> str:
        """Return the language whose parts read a target.

        Raises:
            CheckpointError: There is none; says which there are.
        """
        return language_for(target, self.languages, checkpoint)

    def weight_files(self, folder: Path) -> tuple[Path, ...]:
        """Return the files that hold weights; none where all languages share all of them."""
        if not self.parameters:
            return ()
        shared = [folder / SHARED] if (folder / SHARED).is_file() else []
        return (*shared, *(folder / FOLDER / language / OWN for language in self.languages))


def language_for(target: str, languages: Collection[str], checkpoint: str) -> str:
    """Return the language, of some, that a target is of, which may name a treebank or a domain beside it.

    Raises:
        CheckpointError: The target is of none of them.

    >>> language_for("en:GUM", ["en", "fr"], "small"), language_for("avin-news", ["avin"], "small")
    ('en', 'avin')
    """
    for name in (target, language_of(target), target.rpartition("-")[0]):
        if name in languages:
            return name
    raise CheckpointError(
        f"checkpoint {checkpoint!r} has parts of its own for each of its languages, and none for {target!r}: "
        f"{unknown('language', target, languages)}"
    )


def must_name_language(checkpoint: str, languages: Iterable[str]) -> CheckpointError:
    """Return the error that a checkpoint by language is loaded without a language."""
    return CheckpointError(
        f"checkpoint {checkpoint!r} has parts of its own for each of its languages "
        f"({', '.join(languages)}); give one of them: language=..., or write a plain folder for each with "
        "`layerlab export-languages`"
    )


def read_manifest(folder: str | Path) -> Manifest | None:
    """Return what a checkpoint folder says of its languages; None for one without languages of its own.

    Raises:
        CheckpointError: It cannot be read, or says what cannot be.
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        return None
    plain: Any = read_json(path, CheckpointError)
    try:
        if plain["version"] != _VERSION:
            raise CheckpointError(f"{path}: version {plain['version']!r} is not known; expected {_VERSION}")
        found = Manifest(
            tuple(map(str, plain["languages"])), tuple(map(str, plain["parameters"])), plain["tokenizers"]
        )
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} does not say which languages there are; expected version, languages, parameters and "
            f"tokenizers ({type(error).__name__}: {error})"
        ) from error
    outside = [name for name in found.languages if not name or leaves_folder(name)]
    if outside or not found.languages:
        raise CheckpointError(
            f"{path}: expected names of languages that become folders, got {outside or 'none'}"
        )
    return found


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write what a checkpoint folder says of its languages."""
    write_json(
        folder / MANIFEST,
        {
            "version": _VERSION,
            "languages": list(manifest.languages),
            "parameters": list(manifest.parameters),
            "tokenizers": manifest.tokenizers,
        },
    )


def files_by_language(folder: Path) -> list[Path]:
    """Return the files of a checkpoint by language that a plain one has not, in one order."""
    if not (folder / MANIFEST).is_file():
        return []
    return [folder / MANIFEST, *sorted(path for path in (folder / FOLDER).rglob("*") if path.is_file())]
