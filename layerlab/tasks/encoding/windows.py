"""From sentences to examples, and from long sentences to windows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlab.data.sentences import Sentence
from layerlab.errors import DataError
from layerlab.models.pieces import Pieces, blank_pieces, special_tokens, tokenize
from layerlab.tasks.encoding.examples import IGNORED, Encoded, Example
from layerlab.tasks.words import Word, place_in_word

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
    word: Word = "first",
) -> Encoded[Example]:
    """Encode sentences so that the word-piece that stands for a word carries its label.

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
            example = _build(pieces, label_ids[index], window, cut, word, index)
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
        blank: Word-pieces that hold nothing of a word.
    """

    pieces: tuple[tuple[Pieces, ...], ...]
    special: tuple[Pieces, Pieces]
    room: int
    n_unknown: int
    blank: frozenset[int] = frozenset()


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
    return CutWords(pieces, (before, after), room, n_unknown, blank_pieces(tokenizer))


def _build(
    pieces: Sequence[Pieces],
    label_ids: Sequence[int],
    window: Window,
    cut: CutWords,
    word: Word,
    sentence: int,
) -> Example:
    before, after = cut.special
    ids = list(before)
    labels = [IGNORED] * len(ids)
    for index in range(window.start, window.end):
        own = [IGNORED] * len(pieces[index])
        if window.first <= index < window.last:
            own[place_in_word(pieces[index], word, cut.blank)] = label_ids[index]
        ids.extend(pieces[index])
        labels.extend(own)
    ids.extend(after)
    labels.extend([IGNORED] * len(after))
    lengths = [len(pieces[index]) for index in range(window.start, window.end)]
    spans = spans_of(lengths, len(before), len(after)) if word == "mean" else ()
    return Example(tuple(ids), tuple(labels), sentence, tuple(range(window.first, window.last)), spans)


def spans_of(lengths: Sequence[int], n_before: int, n_after: int) -> tuple[int, ...]:
    """Return for each word-piece of an input where the first one of its word is.

    >>> spans_of([1, 3], n_before=1, n_after=1)
    (0, 1, 2, 2, 2, 5)
    """
    starts = [*range(n_before)]
    for length in lengths:
        starts.extend([len(starts)] * length)
    return (*starts, *range(len(starts), len(starts) + n_after))


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
