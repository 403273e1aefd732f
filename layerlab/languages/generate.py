"""Sentences and documents in a controlled language."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain, islice

from layerlab.data.sentences import Sentence
from layerlab.languages.description import Family, WorldSize
from layerlab.languages.family import default_family
from layerlab.languages.grammar import documents as meanings
from layerlab.languages.realisation import Said, say
from layerlab.languages.speaker import Speaker, Voice, build_speaker
from layerlab.languages.streams import stream
from layerlab.languages.world import World, build_world


def generate(
    language: str, n_sentences: int, seed: int | str = 0, *, family: Family | None = None
) -> Iterator[Sentence]:
    """Give so many sentences of a language.

    The seed alone decides what is meant: equal seeds in two languages give translations, sentence by sentence
    and with equal ``sent_id``; unequal seeds give text that is not parallel.

    Args:
        language: A language of the family.
        n_sentences: How many sentences; the last document may be cut.
        seed: Of the meanings; a text is a seed too.
        family: The languages; by default those that come with layerlab.

    Raises:
        DataError: The family has no such language.
    """
    documents = generate_documents(language, seed, family=family)
    return islice(chain.from_iterable(documents), n_sentences)


def generate_documents(
    language: str, seed: int | str = 0, *, family: Family | None = None
) -> Iterator[tuple[Sentence, ...]]:
    """Give documents of a language without end; ``seed`` and errors as for ``generate``.

    >>> len({len(document) for document in islice(generate_documents("huan"), 50)}) > 1
    True
    """
    said = generate_said(language, seed, family=family)
    return (tuple(one.sentence for one in document) for document in said)


def generate_said(
    language: str, seed: int | str = 0, *, family: Family | None = None
) -> Iterator[tuple[Said, ...]]:
    """Give documents of a language with the concept of each word; ``seed`` and errors as for ``generate``."""
    family = family or default_family()
    speaker = _default_speaker(language) if family is default_family() else build_speaker(family, language)
    return _said(speaker, _world(family.world), seed)


def _said(speaker: Speaker, world: World, seed: int | str) -> Iterator[tuple[Said, ...]]:
    for number, document in enumerate(meanings(world, seed)):
        # Each document has its own stream, so that none depends on those before it.
        voice = Voice(speaker, stream("voice", speaker.name, seed, number))
        yield tuple(say(voice, meaning, f"{seed}-{number}-{place}") for place, meaning in enumerate(document))


@cache
def _default_speaker(language: str) -> Speaker:
    return build_speaker(default_family(), language)


@cache
def _world(size: WorldSize) -> World:
    return build_world(size)
