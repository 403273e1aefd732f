"""From sentences to examples, and from long sentences to windows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlab.data.sentences import Sentence
from layerlab.errors import DataError
from layerlab.models.pieces import Pieces, special_tokens, tokenize
from layerlab.tasks.encoding.examples import IGNORED, Encoded, Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Window:
    """Words ``start`` to ``end`` of a sentence; ``first`` to ``last`` are labelled; ends excluded."""

    start: int
    first: int
    last: int
    end: int


def encode_words(
    sentences: Sequence[Sentence],
    label_ids: Sequence[Sequence[int]],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
) -> Encoded[Example]:
    """Encode sentences so that the first word-piece of each word carries its label.

    A word that the tokenizer turns into nothing is represented by the unknown token. A sentence of more
    than ``max_length`` word-pieces is cut into windows that overlap, each word being labelled where it has
    context on both sides; of a single longer word the first word-pieces are kept.

    Raises:
        CheckpointError: The tokenizer is not a fast one, or lacks special tokens.
        DataError: ``max_length`` leaves no room for words.
    """
    cut = cut_words(sentences, tokenizer, max_length)
    examples = []
    n_windowed = 0
    for index, pieces in enumerate(cut.pieces):
        for window in windows([len(p) for p in pieces], cut.room):
            example = _build(pieces, label_ids[index], window, cut.special, index)
            examples.append(example)
            n_windowed += len(example.words) if window.first > 0 else 0
    return Encoded(tuple(examples), sum(len(s.words) for s in sentences), n_windowed, cut.n_unknown)


@dataclass(frozen=True)
class CutWords:
    """The word-pieces of sentences, before they are made examples.

    Attributes:
        pieces: For each sentence, for each word, its word-pieces, at most ``room``.
        special: What goes before and after a sentence.
        room: Word-pieces of an example beside the special tokens.
        n_unknown: Words that got the unknown token.
    """

    pieces: tuple[tuple[Pieces, ...], ...]
    special: tuple[Pieces, Pieces]
    room: int
    n_unknown: int


def cut_words(sentences: Sequence[Sentence], tokenizer: PreTrainedTokenizerBase, max_length: int) -> CutWords:
    """Cut the words of sentences into word-pieces, for examples of at most ``max_length``, specials included.

    Raises:
        CheckpointError: The tokenizer is not a fast one, or lacks special tokens.
        DataError: ``max_length`` leaves no room for words.
    """
    before, after = special_tokens(tokenizer)
    room = max_length - len(before) - len(after)
    if room < 1:
        raise DataError(f"max_length {max_length} leaves no room for words beside the special tokens")
    pieces_of, unknown_words = tokenize(itertools.chain(*(s.words for s in sentences)), tokenizer)
    pieces = tuple(tuple(pieces_of[word][:room] for word in sentence.words) for sentence in sentences)
    n_unknown = sum(word in unknown_words for s in sentences for word in s.words) if unknown_words else 0
    return CutWords(pieces, (before, after), room, n_unknown)


def _build(
    pieces: Sequence[Pieces],
    label_ids: Sequence[int],
    window: Window,
    special: tuple[Pieces, Pieces],
    sentence: int,
) -> Example:
    ids = list(special[0])
    labels = [IGNORED] * len(ids)
    for word in range(window.start, window.end):
        ids.extend(pieces[word])
        labels.append(label_ids[word] if window.first <= word < window.last else IGNORED)
        labels.extend([IGNORED] * (len(pieces[word]) - 1))
    ids.extend(special[1])
    labels.extend([IGNORED] * len(special[1]))
    return Example(tuple(ids), tuple(labels), sentence, tuple(range(window.first, window.last)))


def windows(lengths: Sequence[int], room: int) -> list[Window]:
    """Cut a sentence into windows so that every word is labelled in exactly one.

    About a quarter of a window on each side is context, as far as whole words allow. ``lengths`` are the
    word-pieces of each word, at most ``room`` each; ``room`` are those of a window.

    >>> windows([1, 2, 1], room=8)
    [Window(start=0, first=0, last=3, end=3)]
    >>> windows([1] * 10, room=8)
    [Window(start=0, first=0, last=6, end=8), Window(start=2, first=6, last=10, end=10)]
    """
    starts = list(itertools.accumulate(lengths, initial=0))
    n_words = len(lengths)
    context = room // 4
    found: list[Window] = []
    first = 0
    while first < n_words:
        start = first
        while start > 0 and starts[first] - starts[start - 1] <= context:
            start -= 1
        if starts[first + 1] - starts[start] > room:
            start = first
        end = first + 1
        while end < n_words and starts[end + 1] - starts[start] <= room:
            end += 1
        last = end
        if end < n_words:
            while last - 1 > first and starts[end] - starts[last - 1] <= context:
                last -= 1
        else:
            while start > 0 and starts[end] - starts[start - 1] <= room:
                start -= 1
        found.append(Window(start, first, last, end))
        first = last
    return found
