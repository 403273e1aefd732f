"""A corpus as inputs of an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol

from typing_extensions import TypeVar


class EncoderInput(Protocol):
    """What every example has: word-pieces; what else it holds, its task alone knows."""

    @property
    def input_ids(self) -> Sequence[int]:
        """Word-pieces, special tokens included."""
        ...


ExampleT = TypeVar("ExampleT", bound=EncoderInput, covariant=True, default=Any)

# Label id of positions that have none; the value that PyTorch's losses leave out.
IGNORED = -100


@dataclass(frozen=True, slots=True)
class Example:
    """One input of the encoder with labels on word-pieces: a sentence, or a window of a long one.

    Attributes:
        input_ids: Word-pieces, special tokens included.
        label_ids: One for each word-piece, -100 where there is no label.
        sentence: Index of the sentence.
        words: For each labelled position, from left to right, the index of the word in its sentence.
        spans: For each word-piece, where the first one of its word is; empty unless means are read.
    """

    input_ids: tuple[int, ...]
    label_ids: tuple[int, ...]
    sentence: int
    words: tuple[int, ...]
    spans: tuple[int, ...] = ()


@dataclass(frozen=True)
class Encoded(Generic[ExampleT]):
    """A corpus as inputs of an encoder.

    Attributes:
        examples: What else they hold than ``input_ids`` is between the task's ``encode``, ``collate`` and
            ``decode``.
        n_words: Words in all.
        n_windowed: Words whose sentence was too long and that stand outside its first window; a parser, which
            has no other window, gets them wrong.
        n_unknown: Words of which the tokenizer knows no part, so that they are the unknown token.
        counts: Other numbers that go into the records, by name; a task without words leaves those above at 0.
    """

    examples: tuple[ExampleT, ...]
    n_words: int
    n_windowed: int
    n_unknown: int
    counts: Mapping[str, int] = field(default_factory=dict)
