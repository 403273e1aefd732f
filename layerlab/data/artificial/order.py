"""Other word order: sentences from the last word to the first, or their words in a random order."""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Final

#: They end a sentence, and stay where they are.
MARKS: Final = ".?!…。？！։।؟"
_SENTENCE: Final = re.compile(f"[^{re.escape(MARKS)}]+|[{re.escape(MARKS)}]+")
# Marks on letters, such as vowel signs, are part of a word, and so is an apostrophe inside.
_MARKED: Final = "".join(
    chr(code) for code in range(0x300, 0x3000) if unicodedata.category(chr(code))[0] == "M"
)
_WORD: Final = f"[\\w{_MARKED}]+(?:['’][\\w{_MARKED}]+)*"
# A word, white space, or a sign by itself; no two words and no two spaces stand side by side.
_CHUNK: Final = re.compile(rf"{_WORD}|\s+|.", re.DOTALL)
_IS_WORD: Final = re.compile(_WORD)
_INSIDE: Final = re.compile(r"^(\s*)(.*?)(\s*)$", re.DOTALL)


def invert_text(text: str, seed: int = 0) -> str:
    """Return a text with the words of every sentence from the last to the first; twice is the text itself.

    What ends a sentence stays where it is, and so does the white space around it.

    >>> invert_text("a b, c. d e"), invert_text(invert_text("a b, c. d e"))
    ('c ,b a. e d', 'a b, c. d e')

    Reference:
        Dufter and Schütze 2020; Deshpande et al. 2022, "When is BERT Multilingual?".
    """
    return "".join(_inverted(sentence) for sentence in _SENTENCE.findall(text))


def _inverted(sentence: str) -> str:
    before, inside, after = _INSIDE.match(sentence).groups()  # type: ignore[union-attr]  # it always matches
    return f"{before}{''.join(reversed(_CHUNK.findall(inside)))}{after}"


def permute_text(text: str, seed: int = 0) -> str:
    """Return a text with the words of every sentence in a random order; all else stays where it is.

    The order depends on the seed and on which words there are, and not on their order: so it can be undone.

    >>> permute_text("one two, three four."), unpermute_text(permute_text("one two, three four."))
    ('three four, two one.', 'one two, three four.')
    """
    return _reordered(text, lambda words: [words[place] for place in _drawn(words, seed)])


def unpermute_text(text: str, seed: int = 0) -> str:
    """Return the text that was permuted with a seed."""

    def back(words: list[str]) -> list[str]:
        found = list(words)
        for word, place in zip(words, _drawn(words, seed), strict=True):
            found[place] = word
        return found

    return _reordered(text, back)


def invert_words(words: Sequence[str], seed: int = 0) -> list[int]:
    """Return the places of a sentence's words from the last to the first; what ends it stays.

    >>> invert_words(["a", "b", "."])
    [1, 0, 2]
    """
    return [place for part in _parts(words) for place in reversed(part)]


def permute_words(words: Sequence[str], seed: int = 0) -> list[int]:
    """Return the places of a sentence's words in a random order; signs stay where they are.

    >>> sorted(permute_words(["a", ",", "b", "c"]))[1], permute_words(["a", ",", "b", "c"])[1]
    (1, 1)
    """
    places = list(range(len(words)))
    for part in _parts(words):
        moving = [place for place in part if _IS_WORD.search(words[place])]
        drawn = _drawn([words[place] for place in moving], seed)
        for place, other in zip(moving, drawn, strict=True):
            places[place] = moving[other]
    return places


def _parts(words: Sequence[str]) -> Iterator[list[int]]:
    """Yield the places of the words between what ends sentences, and of that by itself."""
    part: list[int] = []
    for place, word in enumerate(words):
        if word and all(sign in MARKS for sign in word):
            yield part
            yield [place]
            part = []
        else:
            part.append(place)
    yield part


def _reordered(text: str, order: Callable[[list[str]], list[str]]) -> str:
    found = []
    for sentence in _SENTENCE.findall(text):
        chunks = _CHUNK.findall(sentence)
        words = iter(order([one for one in chunks if _IS_WORD.match(one)]))
        found += [next(words) if _IS_WORD.match(one) else one for one in chunks]
    return "".join(found)


def _drawn(words: Sequence[str], seed: int) -> list[int]:
    """Return a random order of places that depends on the seed and the words, whatever their order."""
    text = "\x1f".join([str(seed), *sorted(words)])
    stream = random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
    keys = [stream.random() for _ in words]
    return sorted(range(len(words)), key=keys.__getitem__)
