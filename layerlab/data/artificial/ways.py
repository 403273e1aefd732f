"""Ways to make running text artificial, one after another, and back to the byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, BeforeValidator

from layerlab.data.artificial.fake import fake_text, real_text
from layerlab.data.artificial.order import (
    invert_text,
    invert_words,
    permute_text,
    permute_words,
    unpermute_text,
)
from layerlab.data.artificial.script import transliterate, untransliterate

#: ``inverted``: the words of every sentence from the last to the first. ``permuted``: in a random order,
#: which depends on which words they are. ``transliterated``: every letter in a script of its own. ``fake``:
#: every word becomes another one, which shares nothing with words that look like it.
WayName = Literal["inverted", "permuted", "transliterated", "fake"]
#: Raised when a way gives other text.
WAYS_VERSION: Final = 1


@dataclass(frozen=True)
class Way:
    """One way to make text artificial.

    Attributes:
        text: Changes running text; gets the text and a seed.
        back: Undoes that.
        order: Gives the places of a sentence's words in their new order, from the words and a seed; None
            where they stay where they are.
        word: Changes one word; None where words stay as they are.
    """

    text: Callable[[str, int], str]
    back: Callable[[str, int], str]
    order: Callable[[Sequence[str], int], list[int]] | None = None
    word: Callable[[str, int], str] | None = None


WAYS: Final[Mapping[str, Way]] = MappingProxyType(
    {
        "inverted": Way(invert_text, invert_text, order=invert_words),
        "permuted": Way(permute_text, unpermute_text, order=permute_words),
        "transliterated": Way(transliterate, untransliterate, word=transliterate),
        "fake": Way(fake_text, real_text, word=fake_text),
    }
)


def _one_is_a_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _at_least_one(ways: tuple[str, ...]) -> tuple[str, ...]:
    if not ways:
        raise ValueError(f"expected at least one of {', '.join(get_args(WayName))}")
    return ways


#: Several ways, the first one first.
Ways = Annotated[tuple[WayName, ...], BeforeValidator(_one_is_a_list), AfterValidator(_at_least_one)]


def make_artificial(text: str, ways: Sequence[str], seed: int = 0) -> str:
    """Return running text made artificial, one way after another.

    >>> make_artificial("The old king said no. Why?", ["inverted"])
    'no said king old The. Why?'

    Raises:
        DataError: A way cannot be undone on this text.
    """
    for way in ways:
        text = WAYS[way].text(text, seed)
    return text


def make_real(text: str, ways: Sequence[str], seed: int = 0) -> str:
    """Return the text that was made artificial in these ways.

    >>> ways = ["inverted", "fake"]
    >>> make_real(make_artificial("The old king, said no.", ways), ways)
    'The old king, said no.'

    Raises:
        DataError: The text was not made in these ways.
    """
    for way in reversed(ways):
        text = WAYS[way].back(text, seed)
    return text
