"""Parallel treebanks: the same sentences in several languages, joined by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from layerlab.data.formats.conllu import read_conllu
from layerlab.data.sentences import Sentence
from layerlab.data.survey import check_withheld
from layerlab.errors import DataError


def read_parallel(
    paths: Mapping[str, str | Path], *, partial: bool = False
) -> Mapping[str, tuple[Sentence, ...]]:
    """Read CoNLL-U files of the same sentences and join them by ``sent_id``, never by order.

    Args:
        paths: File of each language.
        partial: Keep the sentences that all languages have; else a missing one is an error.

    Returns:
        For each language its sentences, in the order of the first language's file.

    Raises:
        DataError: A sentence has no ``sent_id``, a ``sent_id`` occurs twice in a file, or one that a
            language has is missing in another; or nothing is common.
    """
    if not paths:
        raise DataError("no files to join: give at least one language")
    by_id = {language: _index(language, Path(path)) for language, path in paths.items()}
    everywhere = set.intersection(*(set(index) for index in by_id.values()))
    anywhere = set.union(*(set(index) for index in by_id.values()))
    if not everywhere:
        raise DataError(f"no sent_id is common to {', '.join(f'{k} ({v})' for k, v in paths.items())}")
    if not partial and everywhere != anywhere:
        lines = []
        for language, index in by_id.items():
            if missing := sorted(anywhere - set(index)):
                shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
                lines.append(f"{language} ({paths[language]}) lacks {len(missing)}: {shown}")
        raise DataError("sentences are missing: " + "; ".join(lines))
    names = [name for name in next(iter(by_id.values())) if name in everywhere]
    return {language: tuple(index[name] for name in names) for language, index in by_id.items()}


def _index(language: str, path: Path) -> dict[str, Sentence]:
    sentences = read_conllu(path)
    check_withheld(Counter(word for sentence in sentences for word in sentence.words), str(path))
    nameless = sum(not sentence.sent_id for sentence in sentences)
    if nameless:
        raise DataError(f"{language}: {path}: {nameless} of {len(sentences)} sentences have no # sent_id")
    repeated = [name for name, n in Counter(s.sent_id for s in sentences).items() if n > 1]
    if repeated:
        raise DataError(f"{language}: {path}: sent_id occurs twice: {', '.join(repeated[:3])}")
    return {sentence.sent_id: sentence for sentence in sentences}
