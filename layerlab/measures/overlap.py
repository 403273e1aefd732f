"""Overlap: how much of a target's text is cut into word-pieces that the source's text has too.

References: Pires, Schlinger, Garrette (2019), "How Multilingual is Multilingual BERT?", section 4.1; Wu,
Conneau, Li, Zettlemoyer, Stoyanov (2020), "Emerging Cross-lingual Structure in Pretrained Language Models",
Table 1, where what two languages share are anchor points.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layerlab.models.pieces import blank_pieces, tokenize
from layerlab.tasks.encoding.pair_inputs import encode_texts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Overlap:
    """What the texts of two languages share.

    Attributes:
        shared_pieces: Distinct word-pieces of both texts, as a fraction of those of either text.
        shared_tokens: Fraction of the target's text, piece by piece, that is pieces of the source's text.
        n_pieces: Distinct word-pieces of either text.
        n_tokens: Word-pieces of the target's text, repetitions counted.
    """

    shared_pieces: float
    shared_tokens: float
    n_pieces: int
    n_tokens: int


def piece_overlap(source: Mapping[int, int], target: Mapping[int, int]) -> Overlap:
    """Compare the word-pieces of two texts; a piece is shared if it has one id in both.

    Args:
        source: Ids of the source's word-pieces, each with how often it occurs.
        target: Those of the target's.

    Returns:
        Fractions; NaN where there is no piece to count.

    >>> piece_overlap(Counter([5, 6, 7]), Counter([5, 5, 5, 8]))
    Overlap(shared_pieces=0.25, shared_tokens=0.75, n_pieces=4, n_tokens=4)
    """
    either, n_tokens = len(source.keys() | target.keys()), sum(target.values())
    both = source.keys() & target.keys()
    return Overlap(
        shared_pieces=len(both) / either if either else math.nan,
        shared_tokens=sum(target[piece] for piece in both) / n_tokens if n_tokens else math.nan,
        n_pieces=either,
        n_tokens=n_tokens,
    )


def count_pieces(sentences: Sequence[Any], tokenizer: PreTrainedTokenizerBase) -> Counter[int]:
    """Count the word-pieces that a tokenizer cuts sentences into, all of each, however long it is.

    Special tokens, unknown pieces and bare marks of a space hold nothing of a word and do not count.

    Args:
        sentences: Of a corpus; each has words, or is a pair of texts.
        tokenizer: A fast one.

    Returns:
        Ids, each with how often it occurs.

    Raises:
        CheckpointError: The tokenizer is not a fast one, or has no unknown token where it is needed.
        DataError: A word holds half a character.
    """
    words = Counter(itertools.chain(*(one.words for one in sentences if hasattr(one, "words"))))
    pairs = (one for one in sentences if not hasattr(one, "words"))
    texts = Counter(text for pair in pairs for text in (pair.first, pair.second))
    of_words = tokenize(words, tokenizer)[0] if words else {}
    found: Counter[int] = Counter()
    for times, pieces in ((words, of_words), (texts, encode_texts(texts, tokenizer))):
        for text, number in times.items():
            for piece in pieces[text]:
                found[piece] += number
    for nothing in {*tokenizer.all_special_ids, *blank_pieces(tokenizer)}:
        found.pop(nothing, None)
    return found
