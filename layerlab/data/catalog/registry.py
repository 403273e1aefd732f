"""Corpora that a user's code brings, by task and language."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from layerlab.data.spec import Controlled
from layerlab.errors import DataError

# Given a split (train, dev, test), returns its sentences or pairs, or None where there is no such split.
Loader = Callable[[str], Sequence[Any] | None]

# Given controlled languages, the name of one, a split and whether pairs are wanted, makes them.
Speaker = Callable[[Controlled, str, str, bool], tuple[Any, ...]]

ENTRY_POINTS = "layerlab.corpora"

_CORPORA: dict[tuple[str, str], Path | Loader] = {}
_SPEAKERS: list[Speaker] = []


def register_corpus(task: str, language: str, source: str | Path | Loader) -> None:
    """Say where a task's data of a language are.

    A folder given by a study goes first where it has the language; the default catalogue goes last.
    Packages can do this at start-up with an entry point of the group ``layerlab.corpora`` that names a
    function without arguments.

    Args:
        task: Name of a task.
        language: As studies will call it.
        source: A folder with ``train``, ``dev`` and ``test`` files, or a function that returns the
            sentences of a split and None where there is no such split.

    >>> from layerlab.data.sentences import Sentence
    >>> register_corpus("upos", "toy", lambda split: [Sentence(("ba",), upos=("NOUN",))])
    >>> "toy" in registered_languages("upos")
    True
    """
    _CORPORA[task, language] = Path(source) if isinstance(source, str | Path) else source


def registered(task: str, language: str) -> Path | Loader | None:
    """Return a registered corpus, None where there is none."""
    _load_entry_points()
    return _CORPORA.get((task, language))


def registered_languages(task: str) -> tuple[str, ...]:
    """Return the languages that have a registered corpus for a task."""
    _load_entry_points()
    return tuple(sorted(language for name, language in _CORPORA if name == task))


def register_speaker(speaker: Speaker) -> None:
    """Say what makes the sentences and pairs of controlled languages; the last one holds."""
    _SPEAKERS.append(speaker)


def speak(controlled: Controlled, language: str, split: str, *, pairs: bool) -> tuple[Any, ...]:
    """Make the sentences of a controlled language, or its inference pairs.

    Raises:
        DataError: The family has no such language, or nothing makes controlled languages.
    """
    if not _SPEAKERS:
        raise DataError("nothing makes controlled languages: expected layerlab.tasks.corpora to be imported")
    return _SPEAKERS[-1](controlled, language, split, pairs)


@functools.cache
def _load_entry_points() -> None:
    for entry_point in entry_points(group=ENTRY_POINTS):
        entry_point.load()()
