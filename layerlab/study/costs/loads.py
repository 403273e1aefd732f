"""What an encoder reads of a corpus: word-pieces, measured or assumed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from layerlab.data.pairs import Pair

# Word-pieces of a word where the tokenizer is not here to be asked.
PIECES_PER_WORD: Final = 1.5
# Sentences of a corpus that the tokenizer is asked about where it is here.
SAMPLE: Final = 200
# Words as BERT's basic tokenizer cuts running text: ideographs and punctuation one by one.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W\u3040-\u9fff]+|[^\w\s]")


@dataclass(frozen=True)
class Load:
    """What an encoder reads.

    Attributes:
        pieces: Word-pieces, special tokens included.
        pairs: Pairs of word-pieces that attend to each other: the sum of squared lengths.
    """

    pieces: float = 0.0
    pairs: float = 0.0

    def __add__(self, other: Load) -> Load:
        return Load(self.pieces + other.pieces, self.pairs + other.pairs)

    def times(self, n: float) -> Load:
        """Return the load of reading it ``n`` times, or a part of it."""
        return Load(self.pieces * n, self.pairs * n)


def words_of(item: Any) -> int:
    """Return the number of words of a sentence, pair or text, ideographs and punctuation counted one by one.

    >>> from layerlab.data.pairs import Pair
    >>> words_of(Pair("Sova letí.", "鸟飞", "neutral"))
    5
    """
    return sum(max(1, len(_WORD.findall(text))) for text in _texts_of(item))


def read_load(items: Iterable[Any], pieces_per_word: float, max_length: int) -> Load:
    """Return what reading each sentence or pair once means; what is longer than an input is windowed.

    >>> from layerlab.data.sentences import Sentence
    >>> read_load([Sentence(("a", "b"))], 1.5, 256)
    Load(pieces=5.0, pairs=25.0)
    """
    pieces = pairs = 0.0
    for item in items:
        n_special = 3 if isinstance(item, Pair) else 2
        length = words_of(item) * pieces_per_word + n_special
        pieces += length
        pairs += length * min(length, max_length)
    return Load(pieces, pairs)


def measure_pieces(items: Iterable[Any], tokenizer: Any) -> tuple[int, int]:
    """Return how many word-pieces a tokenizer makes of how many words."""
    texts: list[str] = []
    n_words = 0
    for item in items:
        texts.extend(_texts_of(item))
        n_words += words_of(item)
    ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return sum(map(len, ids)), n_words


def _texts_of(item: Any) -> tuple[str, ...]:
    """Return the words of a sentence, the two texts of a pair, or a text alone."""
    if isinstance(item, str):
        return (item,)
    return (item.first, item.second) if isinstance(item, Pair) else tuple(item.words)
