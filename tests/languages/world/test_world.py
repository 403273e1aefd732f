from __future__ import annotations

from layerlab.languages.language import WorldSize
from layerlab.languages.world.inventory import CATEGORIES
from layerlab.languages.world.world import build_world


def test_one_seed_gives_one_world_and_another_gives_another() -> None:
    assert build_world(WorldSize(seed=4)) == build_world(WorldSize(seed=4))
    assert build_world(WorldSize(seed=4)).verbs != build_world(WorldSize(seed=5)).verbs


def test_the_smallest_world_has_all_that_a_grammar_needs() -> None:
    world = build_world(WorldSize(nouns=80, verbs=40, adjectives=10, adverbs=5, names=30, topics=1))
    assert set(world.by_category) == set(CATEGORIES)
    assert "person" in world.doers
    assert len(world.nouns) == 80


def test_verbs_like_nouns_of_their_classes() -> None:
    world = build_world(WorldSize())
    for verb in world.verbs.values():
        assert {world.nouns[noun].category for noun in verb.subjects.items} == {verb.subject}
        if verb.objects is not None:
            assert {world.nouns[noun].category for noun in verb.objects.items} == {verb.object}


def test_some_names_serve_for_more_than_one_kind() -> None:
    names = build_world(WorldSize()).names
    assert set(names.last.items) & set(names.places.items)
    assert set(names.last.items) & set(names.groups.items)
    assert set(names.places.items) & set(names.groups.items)
