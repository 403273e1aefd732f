"""What stands for a word of several word-pieces: the piece whose state a head reads, or the mean of all.

Reference:
    Devlin et al. (2019), BERT, section 5.3, for the first piece. Tokenizers of XLM-R's kind often cut a word
    so that the first piece is a bare space mark, which says nothing of the word.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final, Literal, TypeVar, get_args

Word = Literal["first-content", "first", "last", "mean"]
WORDS: Final[tuple[Word, ...]] = get_args(Word)
DEFAULT_WORD: Final[Word] = "first-content"

TaskT = TypeVar("TaskT")


def reads_words(task: object) -> bool:
    """Return whether it matters to a task what stands for a word."""
    return hasattr(task, "word")


def resolved_word(task: object, word: Word, has_blanks: bool) -> Word:
    """Return a choice in its one form: ``first`` where no first word-piece is a bare space mark.

    So the default changes no identity of an encoder whose tokenizer has no such piece.

    Args:
        task: One that reads no words takes ``first``.
        word: What is asked for.
        has_blanks: Whether the tokenizer has bare space marks.
    """
    if not reads_words(task) or (word == "first-content" and not has_blanks):
        return "first"
    return word


def with_word(task: TaskT, word: Word) -> TaskT:
    """Return a task that reads words in this way; a task without words stays as it is.

    >>> from layerlab.tasks.task import get_task
    >>> with_word(get_task("upos"), "last").word
    'last'
    """
    if not reads_words(task):
        return task
    changed: TaskT = replace(task, word=word)  # type: ignore[type-var]
    return changed


def place_in_word(pieces: Sequence[int], word: Word, blank: Collection[int]) -> int:
    """Return which of a word's pieces stands for it; of a mean, where it is put.

    >>> place_in_word([6, 41, 42], "first-content", {6}), place_in_word([6], "first-content", {6})
    (1, 0)
    >>> place_in_word([6, 41, 42], "last", {6}), place_in_word([6, 41, 42], "mean", {6})
    (2, 0)
    """
    if word == "last":
        return len(pieces) - 1
    if word == "first-content":
        return next((place for place, piece in enumerate(pieces) if piece not in blank), 0)
    return 0
