"""Treebanks of the size that a workload needs: the same files for every contender."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from layerlab.data.corpus_folders import find_file
from layerlab.data.sentences import take_evenly
from layerlab.errors import DataError
from layerlab.files import publishing, read_text, write_text

#: Source and targets among natural languages, and among those that come with layerlab.
NATURAL: Final = ("en", "de", "fr", "ru", "fi", "tr", "cs", "ja", "zh", "sv")
CONTROLLED: Final = ("ilda", "jora", "kesa", "lomi", "mavu", "nari", "orsa", "pelu")
FAMILY: Final = "instrument"


def write_treebanks(
    folder: Path, data: Path | None, languages: Sequence[str], sizes: Mapping[str, int]
) -> None:
    """Write ``{language}/{split}.conllu``: train and dev of the first language, test of all.

    Args:
        folder: Where; nothing is done if it is there.
        data: Folder of treebanks, of which so many sentences are taken, evenly spread; None for controlled
            languages.
        languages: The source first.
        sizes: Sentences by split.

    Raises:
        DataError: A treebank is not there.
    """
    if folder.is_dir():
        return
    with publishing(folder) as made:
        if data is None:
            from layerlab.languages.corpora.treebanks import write_corpora
            from layerlab.languages.family import shipped_family

            write_corpora(made, languages, sizes, seed=1, family=shipped_family(FAMILY))
            for path in made.glob("*/*.iob2"):
                path.unlink()
        else:
            for language in languages:
                for split, size in sizes.items():
                    if split == "test" or language == languages[0]:
                        source = find_file(data, {}, language, split, ("conllu",))
                        _cut(source, made / language / f"{split}.conllu", size)


def check_treebanks(data: Path) -> None:
    """Check that a folder has every treebank that the benchmark needs.

    Raises:
        DataError: One is not there.
    """
    if not data.is_dir():
        raise DataError(f"{data} is no folder; expected treebanks as {{language}}/{{split}}.conllu")
    for language in NATURAL:
        for split in ("train", "dev", "test") if language == NATURAL[0] else ("test",):
            find_file(data, {}, language, split, ("conllu",))


def languages_of(data: Path | None) -> tuple[str, ...]:
    """Return the languages of the benchmark, the source first."""
    return CONTROLLED if data is None else NATURAL


def _cut(source: Path, target: Path, size: int) -> None:
    """Copy evenly spread sentences of a CoNLL-U file as they are."""
    blocks = [block for block in read_text(source).split("\n\n") if block.strip()]
    write_text(target, "".join(f"{block.strip()}\n\n" for block in take_evenly(blocks, size)))


def fresh(folder: Path) -> Path:
    """Return a folder that is there and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
