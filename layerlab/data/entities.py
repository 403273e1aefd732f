"""Entity tags of a file, a data set or a function: checks, scheme, stray tags, sentences without any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from layerlab.data.checks import Place, check_text
from layerlab.data.remedies import find_stray_remedy, find_tag_remedy
from layerlab.data.tags import (
    RARE,
    Rows,
    TagOptions,
    count_strays,
    is_iob2,
    map_tag,
    read_scheme,
    stray_positions,
)
from layerlab.errors import DataError

_MOST_LISTED = 12


def read_tags(
    rows: Sequence[Sequence[object]], options: TagOptions, place: Place
) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Read the tags of sentences as IOB2.

    IOBES, BILOU and their like are read so that every entity stays.

    Args:
        rows: The tags of each sentence, as the corpus has them.
        options: What to replace, and what becomes of stray ``I-`` tags.
        place: For messages.

    Returns:
        The tags of each sentence, and notes on how they were read.

    Raises:
        DataError: A tag is no text, or of no known form, or too many ``I-`` tags begin an entity; names the
            place, and the options that read the corpus, if any do.
    """
    raw, firsts = _check_rows(rows, place)
    read, scheme = read_scheme(raw, options)
    mapped = {tag: map_tag(tag, options.tag_map) for tag in firsts}
    wrong = next((tag for tag in firsts if not scheme and not is_iob2(mapped[tag])), None)
    if wrong is not None:
        by_map = "" if mapped[wrong] == wrong else f" ({mapped[wrong]!r} by tag_map)"
        remedy = find_tag_remedy(raw, options)
        raise DataError(
            f"{place(*firsts[wrong])}: tag {wrong!r}{by_map} is not IOB2: expected O, B-TYPE or I-TYPE. "
            + (f"To read all tags of the corpus, {remedy}" if remedy else _list_tags(raw))
        )
    notes = [f"the tags are {scheme}, read as IOB2; no entity is lost"] if scheme else []
    notes.extend(_lost(raw, options.tag_map))
    strays, entities = count_strays(read)
    if strays > RARE * entities:
        index, number = next((i, j) for i, tags in enumerate(read) for j in stray_positions(tags))
        before = read[index][number - 1] if number else "the start"
        raise DataError(
            f"{place(index, number)}: {read[index][number]} after {before}; not IOB2: {strays} of {entities} "
            "entities begin with I- (at most 1% are taken for slips of annotation). "
            + find_stray_remedy(read)
        )
    if strays:
        notes.append(f"{strays} of {entities} entities begin with I-; strict scoring counts them as none")
    return read, tuple(notes)


def keep_with_entities(items: Sequence[Any], where: str) -> tuple[tuple[Any, ...], str]:
    """Return the sentences that name an entity, and a note that says how many these are.

    Args:
        items: Sentences whose tags were read.
        where: For messages.

    Raises:
        DataError: No sentence names one.

    >>> from layerlab.data.sentences import Sentence
    >>> sentences = [Sentence(("to", "Oslo"), entities=("O", "B-LOC")), Sentence(("no",), entities=("O",))]
    >>> keep_with_entities(sentences, "aa/train.iob2")[1]
    'the 1 of 2 sentences that name an entity are read'
    """
    kept = tuple(item for item in items if any(tag != "O" for tag in item.entities))
    if not kept:
        raise DataError(f"{where}: none of {len(items)} sentences names an entity, as with_entities asks for")
    return kept, f"the {len(kept)} of {len(items)} sentences that name an entity are read"


def _check_rows(rows: Sequence[Sequence[object]], place: Place) -> tuple[Rows, Mapping[str, tuple[int, int]]]:
    """Check that tags are text; return them and where each occurs first."""
    firsts: dict[str, tuple[int, int]] = {}
    for index, tags in enumerate(rows):
        for number, tag in enumerate(tags):
            if type(tag) is str and tag in firsts:
                continue
            # An empty tag is text of no known form, and may have a remedy.
            text = "" if tag == "" else check_text(tag, "tag", place(index, number))
            firsts[text] = (index, number)
    return cast("Rows", rows), firsts


def _list_tags(raw: Rows) -> str:
    counts = Counter(tag for tags in raw for tag in tags)
    listed = ", ".join(f"{tag!r} ({n})" for tag, n in counts.most_common(_MOST_LISTED))
    more = len(counts) - _MOST_LISTED
    return f"The corpus has {listed}" + (f" and {more} more" if more > 0 else "")


def _lost(raw: Rows, tag_map: Mapping[str, str]) -> Iterator[str]:
    """Say which entities a map of whole tags takes away that their scheme would keep."""
    dropped = [
        tag for tag, to in tag_map.items() if to == "O" and tag[:2] in {"S-", "U-", "W-", "E-", "L-", "M-"}
    ]
    counts = Counter(tag for tags in raw for tag in tags if tag in dropped)
    if counts:
        listed = ", ".join(f"{tag} ({n} words)" for tag, n in counts.items())
        yield f"tag_map reads {listed} as no entity; without it these are read as parts of entities"
