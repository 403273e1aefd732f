"""Sentences and documents in a controlled language."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain, islice

from layerlab.data.sentences import Sentence
from layerlab.languages.family import default_family
from layerlab.languages.language import Family, WorldSize
from layerlab.languages.randomness import stream
from layerlab.languages.speech.realisation import Said, say
from layerlab.languages.speech.speaker import Speaker, Voice, build_speaker
from layerlab.languages.world.grammar import documents as meanings
from layerlab.languages.world.meaning import Clause
from layerlab.languages.world.registers import Domain
from layerlab.languages.world.world import World, build_world


def generate(
    language: str,
    n_sentences: int,
    seed: int | str = 0,
    *,
    family: Family | None = None,
    domain: Domain | None = None,
) -> Iterator[Sentence]:
    """Yield ``n_sentences`` sentences of a language.

    The seed alone decides what is meant. Equal seeds in two languages give translations, sentence by
    sentence, with equal ``sent_id``. Unequal seeds give text that is not parallel.

    The last document may be cut. Without a domain all topics come, in a plain register.

    Raises:
        DataError: The family has no such language, or its world has none of the domain's topics.
    """
    documents = generate_said(language, seed, family=family, domain=domain)
    return (said.sentence for said in islice(chain.from_iterable(documents), n_sentences))


def generate_said(
    language: str, seed: int | str = 0, *, family: Family | None = None, domain: Domain | None = None
) -> Iterator[tuple[Said, ...]]:
    """Yield documents with concepts, lemmas and features without end; arguments as for ``generate``."""
    family = family or default_family()
    # The domain is part of the seed: neither documents nor names of sentences are those of another domain.
    seed = seed if domain is None else f"{seed}-{domain.name}"
    return _said(find_speaker(language, family), meanings(find_world(family), seed, domain), seed)


def find_speaker(language: str, family: Family | None = None) -> Speaker:
    """Return the speaker of a language of a family (by default the one that comes with layerlab).

    Raises:
        DataError: The family has no such language.
    """
    if family is None or family is default_family():
        return _default_speaker(language)
    return build_speaker(family, language)


def find_world(family: Family | None = None) -> World:
    """Return the world that the languages of a family speak of."""
    return _world((family or default_family()).world)


def _said(
    speaker: Speaker, documents: Iterator[tuple[Clause, ...]], seed: int | str
) -> Iterator[tuple[Said, ...]]:
    for number, document in enumerate(documents):
        # Each document has its own stream, so that none depends on those before it.
        voice = Voice(speaker, stream("voice", speaker.name, seed, number))
        yield tuple(say(voice, meaning, f"{seed}-{number}-{place}") for place, meaning in enumerate(document))


@cache
def _default_speaker(language: str) -> Speaker:
    return build_speaker(default_family(), language)


@cache
def _world(size: WorldSize) -> World:
    return build_world(size)
