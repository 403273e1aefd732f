"""What a document is about: it keeps its topic, tense, nouns, verbs and names over its sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from layerlab.errors import DataError
from layerlab.languages.randomness import Weighted, weighted, zipf
from layerlab.languages.world.meaning import Tense
from layerlab.languages.world.registers import Domain, Register
from layerlab.languages.world.world import World


@dataclass(frozen=True)
class Frame:
    """What all documents of a domain have in common.

    Attributes:
        topics: For each topic, its nouns and verbs.
        tenses: In which most sentences of a document are.
        register: How often the grammar makes each choice.
    """

    topics: Weighted[tuple[Weighted[str], Weighted[str]]]
    tenses: Weighted[Tense]
    register: Register


def open_frame(world: World, domain: Domain | None) -> Frame:
    """Return what the documents of a domain have in common; by default all topics and a plain register.

    Raises:
        DataError: The world has none of the domain's topics.
    """
    register, topics = Register(), world.topics
    if domain is not None:
        register = domain.register
        chosen = [world.topics.items[number] for number in domain.topics if number < len(world.topics.items)]
        if not chosen:
            raise DataError(
                f"domain {domain.name} has the topics {', '.join(map(str, domain.topics))}; "
                f"the world has 0 to {len(world.topics.items) - 1}"
            )
        topics = zipf(chosen, 0.5)
    shares = (register.past, 1 - register.past - register.future, register.future)
    return Frame(topics, weighted(("past", "present", "future"), shares), register)


@dataclass(frozen=True)
class Scene:
    """The frame of one document.

    Attributes:
        world: The world.
        topic_nouns: Nouns of the topic.
        topic_verbs: Verbs of the topic.
        nouns: The nouns that the document keeps, by class.
        all_nouns: The same in one row.
        verbs: The verbs that it keeps.
        people: First and last names of its persons.
        places: Names of its places.
        groups: Names of its organisations; a pair is a common noun and a place.
        tense: The tense of most sentences.
        register: How often the grammar makes each choice.
    """

    world: World
    topic_nouns: Weighted[str]
    topic_verbs: Weighted[str]
    nouns: Mapping[str, tuple[str, ...]]
    all_nouns: tuple[str, ...]
    verbs: tuple[str, ...]
    people: tuple[tuple[str, str], ...]
    places: tuple[str, ...]
    groups: tuple[tuple[str, str], ...]
    tense: Tense
    register: Register


def open_scene(world: World, random: Random, frame: Frame) -> Scene:
    """Choose what a document is about."""
    nouns, verbs = frame.topics.draw(random)
    kept = tuple(dict.fromkeys(nouns.draw(random) for _ in range(7)))
    by_category: dict[str, tuple[str, ...]] = {}
    for concept in kept:
        category = world.nouns[concept].category
        by_category[category] = (*by_category.get(category, ()), concept)
    names = world.names
    return Scene(
        world=world,
        topic_nouns=nouns,
        topic_verbs=verbs,
        nouns=by_category,
        all_nouns=kept,
        verbs=tuple(verbs.draw(random) for _ in range(4)),
        people=tuple((names.first.draw(random), names.last.draw(random)) for _ in range(2)),
        places=tuple(names.places.draw(random) for _ in range(2)),
        groups=(
            ("", names.groups.draw(random)),
            (world.by_category["group"].draw(random), names.places.draw(random)),
        ),
        tense=frame.tenses.draw(random),
        register=frame.register,
    )
