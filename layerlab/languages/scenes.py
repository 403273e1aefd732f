"""What a document is about: it keeps its topic, tense, nouns, verbs and names over its sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from layerlab.languages.meaning import Tense
from layerlab.languages.streams import Weighted, weighted
from layerlab.languages.world import World

_TENSES: Weighted[Tense] = weighted(("past", "present", "future"), (0.5, 0.38, 0.12))


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


def open_scene(world: World, random: Random) -> Scene:
    """Choose what a document is about."""
    nouns, verbs = world.topics.draw(random)
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
        tense=_TENSES.draw(random),
    )
