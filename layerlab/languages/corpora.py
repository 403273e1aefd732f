"""Writing controlled languages as corpora that any tool reads: CoNLL-U, IOB2 and plain text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

from layerlab.data.sentences import Sentence
from layerlab.errors import DataError, unknown
from layerlab.languages.description import Family
from layerlab.languages.family import default_family, find_language, known_languages
from layerlab.languages.generate import generate, generate_documents
from layerlab.languages.scripts import SCRIPTS, ScriptName, detokenised

SPLITS: Final = ("train", "dev", "test")
_SIZES: Final[Mapping[str, int]] = MappingProxyType({"train": 3000, "dev": 500, "test": 1000})


def write_corpora(
    folder: str | Path,
    languages: Sequence[str] = (),
    sizes: Mapping[str, int] = _SIZES,
    text_sentences: int = 0,
    seed: int = 0,
    *,
    parallel: Collection[str] = ("dev", "test"),
    family: Family | None = None,
) -> tuple[Path, ...]:
    """Write ``{lang}/{split}.conllu``, ``{lang}/{split}.iob2`` and ``{lang}.txt`` (one document a line).

    Text is never parallel between languages; the splits named in ``parallel`` are, with equal ``sent_id``.
    Splits and text share meanings by chance alone. The same arguments give the same bytes.

    Args:
        folder: Where to write; made if it is not there.
        languages: Which languages; by default all of the family.
        sizes: Sentences in each split.
        text_sentences: Sentences of plain text in each language, rounded up to whole documents; 0: no text.
        seed: Of all meanings.
        parallel: Splits that are translations of each other.
        family: The languages; by default those that come with layerlab.

    Returns:
        The files, in the order of writing.

    Raises:
        DataError: An unknown language or split, or a negative size; nothing is written then.
    """
    family = family or default_family()
    chosen = tuple(languages) or known_languages(family)
    _check(chosen, sizes, text_sentences, parallel, family)
    root = Path(folder)
    written: list[Path] = []
    for language in chosen:
        script = family.languages[language].script
        (root / language).mkdir(parents=True, exist_ok=True)
        for split, size in sizes.items():
            stream = f"{seed}-{split}" if split in parallel else f"{seed}-{split}-{language}"
            sentences = tuple(generate(language, size, stream, family=family))
            for suffix, lines in (
                ("conllu", to_conllu(sentences, script)),
                ("iob2", to_iob2(sentences, script)),
            ):
                written.append(_write(root / language / f"{split}.{suffix}", lines))
        if text_sentences:
            documents = generate_documents(language, f"{seed}-text-{language}", family=family)
            written.append(_write(root / f"{language}.txt", _text(documents, text_sentences, script)))
    return tuple(written)


def to_conllu(sentences: Iterable[Sentence], script: ScriptName) -> Iterator[str]:
    """Give sentences in CoNLL-U, each with its empty line; no lemmas and no features."""
    marks = SCRIPTS[script]
    closing = {marks.stop, marks.question, marks.comma}
    for sentence in sentences:
        yield _comments(sentence, script)
        following = (*sentence.words[1:], "")
        rows = zip(sentence.words, sentence.upos, sentence.heads, sentence.relations, following, strict=True)
        for number, (word, upos, head, relation, after) in enumerate(rows, start=1):
            glued = bool(after) and (after in closing or not marks.spaces)
            misc = "SpaceAfter=No" if glued else "_"
            yield f"{number}\t{word}\t_\t{upos}\t_\t_\t{head}\t{relation}\t_\t{misc}\n"
        yield "\n"


def to_iob2(sentences: Iterable[Sentence], script: ScriptName) -> Iterator[str]:
    """Give sentences in IOB2 with the columns number, word and tag."""
    for sentence in sentences:
        yield _comments(sentence, script)
        for number, (word, tag) in enumerate(zip(sentence.words, sentence.entities, strict=True), start=1):
            yield f"{number}\t{word}\t{tag}\n"
        yield "\n"


def _comments(sentence: Sentence, script: ScriptName) -> str:
    return f"# sent_id = {sentence.sent_id}\n# text = {detokenised(sentence.words, script)}\n"


def _text(documents: Iterator[tuple[Sentence, ...]], n_sentences: int, script: ScriptName) -> Iterator[str]:
    space = " " if SCRIPTS[script].spaces else ""
    written = 0
    while written < n_sentences:
        (document,) = islice(documents, 1)
        written += len(document)
        yield space.join(detokenised(sentence.words, script) for sentence in document) + "\n"


def _write(path: Path, lines: Iterable[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
    return path


def _check(
    languages: Sequence[str],
    sizes: Mapping[str, int],
    text_sentences: int,
    parallel: Collection[str],
    family: Family,
) -> None:
    for language in languages:
        find_language(family, language)
    for split in (*sizes, *parallel):
        if split not in SPLITS:
            raise DataError(unknown("split", split, SPLITS))
    for what, size in (*sizes.items(), ("text", text_sentences)):
        if size < 0:
            raise DataError(f"got {size} sentences of {what}; expected a number from 0")
