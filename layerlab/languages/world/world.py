"""The world of meanings: concepts with Zipfian frequencies, topics, preferences and names.

A concept is a text such as ``NOUN:17``: a part of speech and a number, or a word for function words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from layerlab.languages.language import WorldSize
from layerlab.languages.randomness import Weighted, one_of, shuffled, stream, weighted, zipf
from layerlab.languages.world.inventory import CATEGORIES, FRAMES, ROLES


@dataclass(frozen=True)
class Noun:
    """A noun concept: its class and the adjectives that go with it."""

    category: str
    adjectives: Weighted[str]


@dataclass(frozen=True)
class Verb:
    """A verb concept: its kind, whom and what it takes, where and how it happens.

    Attributes:
        kind: ``act``, ``stay``, ``go``, ``say``, ``wish`` or ``affect``.
        subject: Class of the subject.
        object: Class of the object, or nothing.
        subjects: Nouns that it likes as subjects.
        objects: Nouns that it likes as objects; None where it takes none.
        roles: Circumstances: a relation and a class.
        adverbs: How it is done.
    """

    kind: str
    subject: str
    object: str
    subjects: Weighted[str]
    objects: Weighted[str] | None
    roles: Weighted[tuple[str, str]]
    adverbs: Weighted[str]


@dataclass(frozen=True)
class Names:
    """Names; some serve for persons as well as for places and organisations."""

    first: Weighted[str]
    last: Weighted[str]
    places: Weighted[str]
    groups: Weighted[str]


@dataclass(frozen=True)
class World:
    """Everything that sentences can be about.

    Attributes:
        size: How large it is.
        nouns: Nouns by concept.
        verbs: Verbs by concept.
        by_category: Nouns of each class.
        doers: Verbs whose subject is of a class.
        takers: Verbs whose object is of a class.
        topics: For each topic, its nouns and verbs.
        names: Names.
    """

    size: WorldSize
    nouns: Mapping[str, Noun]
    verbs: Mapping[str, Verb]
    by_category: Mapping[str, Weighted[str]]
    doers: Mapping[str, Weighted[str]]
    takers: Mapping[str, Weighted[str]]
    topics: Weighted[tuple[Weighted[str], Weighted[str]]]
    names: Names


def numbered(kind: str, count: int) -> tuple[str, ...]:
    """Name concepts of a kind, the most frequent first.

    >>> numbered("NOUN", 2)
    ('NOUN:0', 'NOUN:1')
    """
    return tuple(f"{kind}:{number}" for number in range(count))


def build_world(size: WorldSize) -> World:
    """Make the world of a seed."""
    random = stream("world", size.seed)
    adjectives, adverbs = numbered("ADJ", size.adjectives), numbered("ADV", size.adverbs)
    chance = weighted(tuple(CATEGORIES), tuple(CATEGORIES.values()))
    names = numbered("NOUN", size.nouns)
    # The first nouns go round the classes, so that none is empty.
    categories = [*CATEGORIES, *CATEGORIES, *(chance.draw(random) for _ in names)][: len(names)]
    nouns = {
        concept: Noun(category, _liked(random, adjectives, 5))
        for concept, category in zip(names, categories, strict=True)
    }
    by_category = {
        category: [concept for concept, noun in nouns.items() if noun.category == category]
        for category in CATEGORIES
    }
    verbs = {
        concept: _verb(random, number, by_category, adverbs)
        for number, concept in enumerate(numbered("VERB", size.verbs))
    }
    topics = tuple(
        (_liked(random, names, size.nouns // 6), _liked(random, tuple(verbs), size.verbs // 5))
        for _ in range(size.topics)
    )
    return World(
        size=size,
        nouns=nouns,
        verbs=verbs,
        by_category={category: zipf(members) for category, members in by_category.items()},
        doers=_verbs_by(verbs, "subject"),
        takers=_verbs_by(verbs, "object"),
        topics=zipf(topics, 0.5),
        names=_names(random, size.names),
    )


def _liked(random: Random, concepts: tuple[str, ...], count: int) -> Weighted[str]:
    """Choose concepts at random, mostly frequent ones; the weight of each depends on both its ranks."""
    ranks = {concept: rank for rank, concept in enumerate(concepts)}
    keys = {concept: random.random() ** (1 + 1.0 / (1 + rank / 20)) for concept, rank in ranks.items()}
    chosen = sorted(concepts, key=keys.__getitem__)[: max(count, 1)]
    return weighted(
        chosen, [1 / ((place + 2) * (ranks[concept] + 8) ** 0.5) for place, concept in enumerate(chosen)]
    )


def _verb(random: Random, number: int, nouns: Mapping[str, list[str]], adverbs: tuple[str, ...]) -> Verb:
    frames = weighted(FRAMES, [frame[1] for frame in FRAMES])
    kind, _, subjects, objects = FRAMES[number] if number < len(FRAMES) else frames.draw(random)
    subject, object_ = one_of(random, subjects), one_of(random, objects) if objects else ""
    return Verb(
        kind=kind,
        subject=subject,
        object=object_,
        subjects=_liked(random, tuple(nouns[subject]), 12),
        objects=_liked(random, tuple(nouns[object_]), 12) if object_ else None,
        roles=weighted(shuffled(random, ROLES[kind]), (0.6, 0.3, 0.1)),
        adverbs=_liked(random, adverbs, 4),
    )


def _verbs_by(verbs: Mapping[str, Verb], role: str) -> dict[str, Weighted[str]]:
    """Sort plain verbs (no speech, no wishes) by the class of their subject or object."""
    groups: dict[str, list[str]] = {}
    for concept, verb in verbs.items():
        if verb.kind not in ("say", "wish"):
            groups.setdefault(verb.subject if role == "subject" else verb.object, []).append(concept)
    return {category: zipf(members) for category, members in groups.items() if category}


def _names(random: Random, count: int) -> Names:
    """Distribute names; a fifth of the surnames are places and organisations too."""
    names = shuffled(random, numbered("NAME", count))
    third = count // 3
    first, last, places = names[:third], names[third : 2 * third], names[2 * third :]
    both = max(third // 5, 1)
    return Names(
        zipf(first), zipf(last), zipf(places + last[:both]), zipf(last[both : 3 * both] + places[: both * 2])
    )
