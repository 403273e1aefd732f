"""IOB2 files, such as those of Universal NER: one word a line with its entity tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from layerlab.data.sentences import Sentence, read_lines, sent_id_of
from layerlab.errors import DataError

StrayTags = Literal["rare", "begin"]

# Published gold files hold a few discontinuous or mistyped entities (Universal NER Danish: 7 in 3,700);
# files in another scheme, such as IOB1 or IO, hold stray tags wherever an entity begins.
RARE = 0.01

_NO_MAP: Mapping[str, str] = MappingProxyType({})


def read_iob(
    path: str | Path, tag_map: Mapping[str, str] = _NO_MAP, stray_tags: StrayTags = "rare"
) -> tuple[Sentence, ...]:
    """Read an IOB2 file.

    A line holds, separated by tabs, number, word, tag and anything, or just word and tag. Comments begin
    with ``#`` and a space; ``# sent_id = ...`` names a sentence.

    Args:
        path: The file.
        tag_map: Whole tags or entity types to replace: ``{"OTH": "O", "-": "O", "GPE": "LOC"}`` turns
            ``B-OTH`` and ``-`` to ``O``, and ``I-GPE`` to ``I-LOC``. A whole tag goes first.
        stray_tags: What becomes of an ``I-X`` that follows no ``B-X`` or ``I-X``. ``rare``: it is kept
            as it is, which strict scoring counts as no entity, if at most 1% of the file's entities
            begin so; else the file is refused. ``begin``: it is read as ``B-X``, which also reads IOB1.

    Raises:
        DataError: A line has no tag, a tag of an unknown form, or too many stray ``I-`` tags; names file
            and line. Or the file holds no sentence.
    """
    path = Path(path)
    sentences: list[Sentence] = []
    lines_of_words: list[tuple[int, ...]] = []
    rows: list[tuple[int, str, str]] = []
    sent_id = ""
    for number, line in enumerate([*read_lines(path), ""], 1):
        if line.startswith("# ") or (line.startswith("#") and "\t" not in line):
            sent_id = sent_id_of(line) or sent_id
        elif line.strip(" "):
            word, tag = _split_line(path, number, line)
            rows.append((number, word, map_tag(tag, tag_map, f"{path}:{number}")))
        else:
            if rows:
                numbers, words, tags = zip(*rows, strict=True)
                sentences.append(Sentence(words=words, entities=tags, sent_id=sent_id))
                lines_of_words.append(numbers)
            rows, sent_id = [], ""
    if not sentences:
        raise DataError(f"{path}: no sentence in the file")
    if stray_tags == "begin":
        return tuple(begin_strays(sentence) for sentence in sentences)
    _check_strays(path, sentences, lines_of_words)
    return tuple(sentences)


def _split_line(path: Path, number: int, line: str) -> tuple[str, str]:
    columns = line.split("\t")
    if len(columns) == 2:
        word, tag = columns
    elif len(columns) > 2 and columns[0].isdecimal():
        word, tag = columns[1:3]
    else:
        raise DataError(
            f"{path}:{number}: expected tab-separated columns number, word, tag, ... or word, tag; "
            f"got {len(columns)}: {line[:60]!r}"
        )
    if not word:
        raise DataError(f"{path}:{number}: the word is empty")
    return word, tag


def map_tag(tag: str, tag_map: Mapping[str, str], where: str) -> str:
    """Map one tag and check its form.

    Args:
        tag: As the corpus has it.
        tag_map: See :func:`read_iob`.
        where: For the message.

    Raises:
        DataError: What comes out is neither ``O`` nor ``B-X`` nor ``I-X``; shows the map that would mend it.

    >>> [map_tag(tag, {"OTH": "O", "GPE": "LOC"}, "") for tag in ("B-OTH", "I-GPE", "B-PER")]
    ['O', 'I-LOC', 'B-PER']
    """
    mapped = tag_map.get(tag, tag)
    prefix, dash, kind = mapped.partition("-")
    if dash and kind in tag_map:
        kind = tag_map[kind]
        mapped = "O" if kind == "O" else f"{prefix}-{kind}"
    if mapped == "O" or (prefix in {"B", "I"} and kind not in {"", "O"}):
        return mapped
    raise DataError(
        f"{where}: tag {tag!r} is not IOB2: expected O, B-TYPE or I-TYPE. To read it as no entity, "
        f'give tag_map: {{"{tag}": "O"}}'
    )


def stray_positions(tags: Iterable[str]) -> list[int]:
    """Return where an ``I-X`` follows neither ``B-X`` nor ``I-X``.

    >>> stray_positions(["I-PER", "I-PER", "O", "B-LOC", "I-ORG"])
    [0, 4]
    """
    found = []
    previous = "O"
    for position, tag in enumerate(tags):
        if tag.startswith("I-") and previous[1:] != tag[1:]:
            found.append(position)
        previous = tag
    return found


def begin_strays(sentence: Sentence) -> Sentence:
    """Return a sentence in which every stray ``I-X`` is a ``B-X``.

    >>> begin_strays(Sentence(("a", "b"), entities=("I-PER", "I-PER"))).entities
    ('B-PER', 'I-PER')
    """
    strays = stray_positions(sentence.entities)
    if not strays:
        return sentence
    tags = list(sentence.entities)
    for position in strays:
        tags[position] = "B" + tags[position][1:]
    return Sentence(words=sentence.words, entities=tuple(tags), sent_id=sentence.sent_id)


def count_strays(sentences: Iterable[Sentence]) -> tuple[int, int]:
    """Return how many entities begin with a stray ``I-`` tag, and how many there are in all."""
    strays = begins = 0
    for sentence in sentences:
        strays += len(stray_positions(sentence.entities))
        begins += sum(tag.startswith("B-") for tag in sentence.entities)
    return strays, strays + begins


def too_many_strays(sentences: Iterable[Sentence]) -> str:
    """Return why sentences are not IOB2, or nothing if at most 1% of the entities begin with ``I-``."""
    strays, entities = count_strays(sentences)
    if strays <= RARE * entities:
        return ""
    return (
        f"not IOB2: {strays} of {entities} entities begin with I- (at most 1% are taken for slips of "
        "annotation). stray_tags: begin reads them as B-"
    )


def _check_strays(path: Path, sentences: list[Sentence], lines_of_words: list[tuple[int, ...]]) -> None:
    problem = too_many_strays(sentences)
    if problem:
        number, tag, before = next(
            (lines[at], sentence.entities[at], sentence.entities[at - 1] if at else "the start")
            for sentence, lines in zip(sentences, lines_of_words, strict=True)
            for at in stray_positions(sentence.entities)
        )
        raise DataError(f"{path}:{number}: {tag} after {before}; {problem}")
