"""From pairs of texts to inputs: two texts between special tokens, the longer one cut first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlab.data.pairs import Pair
from layerlab.errors import DataError
from layerlab.models.pieces import Pieces, plain_backend, special_tokens, whole_characters

if TYPE_CHECKING:
    from tokenizers import Encoding
    from transformers import PreTrainedTokenizerBase

# Texts that are encoded at once; it bounds memory and changes nothing.
CHUNK = 8192


@dataclass(frozen=True)
class Frame:
    """What a tokenizer puts around and between two texts.

    Attributes:
        before: Special tokens before the first text.
        middle: Special tokens between the texts: one with BERT, two with RoBERTa.
        after: Special tokens after the second text.
        types: Token types of before, first text, middle, second text, after.
    """

    before: Pieces
    middle: Pieces
    after: Pieces
    types: tuple[int, ...]

    @property
    def n_special(self) -> int:
        """Special tokens in all."""
        return len(self.before) + len(self.middle) + len(self.after)

    def put(self, first: Pieces, second: Pieces) -> tuple[Pieces, Pieces]:
        """Return the input and its token types.

        >>> Frame((2,), (3,), (3,), (0, 0, 0, 1, 1)).put((7, 8), (9,))
        ((2, 7, 8, 3, 9, 3), (0, 0, 0, 0, 1, 1))
        """
        parts = (self.before, first, self.middle, second, self.after)
        types = (kind for kind, part in zip(self.types, parts, strict=True) for _ in part)
        return tuple(piece for part in parts for piece in part), tuple(types)


@dataclass(frozen=True, slots=True)
class PairExample:
    """A pair as input of an encoder, with its label.

    Attributes:
        input_ids: Word-pieces, special tokens included.
        token_type_ids: For each, which text it is of, as the tokenizer counts.
        label: Label id.
        pair: Index of the pair.
        n_cut: Word-pieces that did not fit.
    """

    input_ids: Pieces
    token_type_ids: Pieces
    label: int
    pair: int
    n_cut: int = 0


def encode_pairs(
    pairs: Sequence[Pair], label_ids: Sequence[int], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> tuple[PairExample, ...]:
    """Encode pairs as the tokenizer itself encodes two texts; if they are too long, the longer loses its end.

    The longest input has ``max_length`` word-pieces, special tokens included.

    Raises:
        CheckpointError: The tokenizer is not a fast one, or lacks special tokens.
        DataError: ``max_length`` leaves no room for two texts.
    """
    frame = find_frame(tokenizer)
    room = max_length - frame.n_special
    if room < 2:
        raise DataError(f"max_length {max_length} leaves no room for two texts beside the special tokens")
    pieces = encode_texts((text for pair in pairs for text in (pair.first, pair.second)), tokenizer)
    examples = []
    for index, (pair, label) in enumerate(zip(pairs, label_ids, strict=True)):
        first, second = pieces[pair.first], pieces[pair.second]
        n_first, n_second = longest_first(len(first), len(second), room)
        n_cut = len(first) + len(second) - n_first - n_second
        ids, types = frame.put(first[:n_first], second[:n_second])
        examples.append(PairExample(ids, types, label, index, n_cut))
    return tuple(examples)


def encode_texts(texts: Iterable[str], tokenizer: PreTrainedTokenizerBase) -> Mapping[str, Pieces]:
    """Return the word-pieces of each distinct text, without special tokens; none of a text without any.

    Raises:
        CheckpointError: The tokenizer is not a fast one.
    """
    distinct = sorted(set(texts))
    pieces: dict[str, Pieces] = {}
    with plain_backend(tokenizer) as backend:
        for start in range(0, len(distinct), CHUNK):
            chunk = distinct[start : start + CHUNK]
            with whole_characters(chunk):
                encodings = backend.encode_batch_fast(chunk, add_special_tokens=False)
            pieces.update((text, tuple(one.ids)) for text, one in zip(chunk, encodings, strict=True))
    return pieces


def longest_first(n_first: int, n_second: int, room: int) -> tuple[int, int]:
    """Return how many word-pieces of two texts are kept, so that the longer one loses the most.

    >>> longest_first(9, 2, room=8), longest_first(9, 7, room=8), longest_first(3, 4, room=8)
    ((6, 2), (4, 4), (3, 4))
    """
    if n_first + n_second <= room:
        return n_first, n_second
    shorter = min(n_first, n_second, room // 2)
    return (shorter, room - shorter) if n_first <= n_second else (room - shorter, shorter)


def find_frame(tokenizer: PreTrainedTokenizerBase) -> Frame:
    """Return what the tokenizer puts around two texts; one that has no rule for pairs gets BERT's.

    Raises:
        CheckpointError: The tokenizer is not a fast one, or lacks special tokens.
    """
    with plain_backend(tokenizer) as backend:
        one, two = (backend.encode(text, add_special_tokens=False) for text in ("a", "a a"))
        framed = backend.post_process(one, two) if one.ids and two.ids else None
        frame = _take_apart(framed, len(one.ids)) if framed is not None else None
    if frame is not None:
        return frame
    before, after = special_tokens(tokenizer)
    return Frame(before, after, after, (0, 0, 0, 1, 1))


def _take_apart(framed: Encoding, n_first: int) -> Frame | None:
    """Read the frame off a framed pair; None if special tokens are missing."""
    places = [place for place, special in enumerate(framed.special_tokens_mask) if not special]
    starts = (0, places[0], places[n_first - 1] + 1, places[n_first], places[-1] + 1, len(framed.ids))
    before, _, middle, _, after = (tuple(framed.ids[start:end]) for start, end in itertools.pairwise(starts))
    if not (before and middle and after):
        return None
    kinds = framed.type_ids
    return Frame(before, middle, after, tuple(kinds[start] for start in starts[:-1]))
