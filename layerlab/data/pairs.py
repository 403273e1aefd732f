"""Pairs of sentences with a label: inference, paraphrase."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from layerlab.data.checks import bare
from layerlab.data.remedies import find_blank_remedy
from layerlab.errors import DataError
from layerlab.files import digest_values, fault_of_text

# Formats of pairs, which are the endings of their files too.
PAIR_FORMATS = ("tsv", "jsonl")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sentences as running text, and what holds between them.

    Attributes:
        first: The premise, where it is inference.
        second: The hypothesis, where it is inference.
        label: As the corpus writes it.
        pair_id: The corpus's name of the pair, empty where it gives none.

    >>> Pair("Sova letí.", "Něco letí.", "entailment").label
    'entailment'
    """

    first: str
    second: str
    label: str
    pair_id: str = ""


def digest_pairs(pairs: Iterable[Pair]) -> str:
    """Return 16 hexadecimal digits that stand for the content of pairs."""
    return digest_values((pair.first, pair.second, pair.label, pair.pair_id) for pair in pairs)


def check_pairs(pairs: Sequence[Pair], place: Callable[[int, str], str], tag_map: Mapping[str, str]) -> None:
    """Check the sentences and labels of pairs.

    Args:
        pairs: Of a corpus, labels mapped.
        place: Of an index and a part of the pair: its place in the corpus and what the part is called there.
        tag_map: By which the labels were mapped.

    Raises:
        DataError: A part holds half a character or is no text, or a label has white space around it.
    """
    for index, pair in enumerate(pairs):
        for part in ("first", "second", "label", "pair_id"):
            value: object = getattr(pair, part)
            if not isinstance(value, str):
                got = "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
                raise DataError(f"{place(index, part)} holds {got}; expected text")
            if odd := fault_of_text(value):
                shown = ascii(value)[:60]
                raise DataError(f"{place(index, part)} holds {odd}: {shown}; expected whole characters")
        if not pair.label or bare(pair.label) != pair.label:
            remedy = find_blank_remedy(dict.fromkeys(one.label for one in pairs), tag_map)
            raise DataError(
                f"{place(index, 'label')} holds {pair.label!r}; expected a label without white space around"
                + (f". To read all labels of the corpus, {remedy}" if remedy else "")
            )
