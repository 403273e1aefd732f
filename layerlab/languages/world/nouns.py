"""Drawing nominals: nouns with what describes them, names and pronouns."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Final

from layerlab.languages.randomness import Weighted, one_of, weighted
from layerlab.languages.world.meaning import Nominal
from layerlab.languages.world.scenes import Scene

_PRONOUNS: Final = weighted(
    (
        Nominal("PRON:I", "pronoun", person=1),
        Nominal("PRON:you", "pronoun", person=2),
        Nominal("PRON:he", "pronoun", person=3),
        Nominal("PRON:we", "pronoun", person=1, plural=True),
        Nominal("PRON:they", "pronoun", person=3, plural=True),
    ),
    (0.2, 0.15, 0.35, 0.12, 0.18),
)
_OWNERS: Final = tuple(Nominal(f"PRON:{word}", "pronoun") for word in ("my", "your", "his", "our", "their"))
_DETERMINERS: Final = weighted(("DET:this", "DET:that", "DET:every", "DET:some"), (0.4, 0.25, 0.15, 0.2))
_NUMERALS: Final = ("NUM:two", "NUM:three", "NUM:four", "NUM:five", "NUM:ten")
_COUNTABLE: Final = frozenset({"person", "animal", "thing", "food", "place", "group", "event"})


def draw_nominal(
    scene: Scene, random: Random, category: str, liked: Weighted[str], decorated: bool = True
) -> Nominal:
    """Draw a nominal of a class; ``liked`` nouns suit it best, ``decorated`` lets it have parts."""
    chance = random.random()
    register = scene.register
    if category == "person":
        if chance < register.pronouns:
            return _PRONOUNS.draw(random)
        if chance < register.pronouns + register.names:
            first = _person(scene, random)
            single = chance < register.pronouns + register.names * 6 / 7
            return first if single or not decorated else _joined(first, _person(scene, random), random)
    elif category == "place" and chance < 0.5:
        return Nominal(one_of(random, scene.places), "name", entity="LOC")
    elif category == "group" and chance < 0.6:
        return _group(scene, random)
    noun = draw_noun(scene, random, category, liked, decorated)
    if decorated and random.random() < 0.07:
        return _joined(noun, draw_noun(scene, random, category, liked, decorated=False), random)
    return noun


def draw_noun(scene: Scene, random: Random, category: str, liked: Weighted[str], decorated: bool) -> Nominal:
    """Draw a common noun, one that the document keeps if it has one of the class, and what goes with it."""
    kept = scene.nouns.get(category)
    concept = one_of(random, kept) if kept and random.random() < 0.6 else liked.draw(random)
    plural = category in _COUNTABLE and random.random() < 0.25
    numeral = determiner = degree = ""
    chance = random.random()
    if plural and chance < 0.25:
        numeral = (
            one_of(random, _NUMERALS) if random.random() < 0.6 else str(2 + int(98 * random.random() ** 2))
        )
    elif not plural and chance < 0.14:
        determiner = _DETERMINERS.draw(random)
    adjectives: tuple[str, ...] = ()
    chance = random.random()
    if chance < scene.register.adjectives:
        likes = scene.world.nouns[concept].adjectives
        adjectives = (likes.draw(random),)
        if chance < 0.03:
            adjectives = tuple(dict.fromkeys((*adjectives, likes.draw(random))))
        elif chance < 0.07:
            degree = "ADV:very" if chance < 0.05 else "ADV:rather"
    possessor = (
        _possessor(scene, random)
        if decorated and not determiner and random.random() < scene.register.possessors
        else None
    )
    return Nominal(
        concept=concept,
        plural=plural,
        definite=random.random() < 0.6,
        determiner=determiner,
        numeral=numeral,
        adjectives=adjectives,
        degree=degree,
        possessor=possessor,
    )


def _possessor(scene: Scene, random: Random) -> Nominal:
    chance = random.random()
    if chance < 0.35:
        return one_of(random, _OWNERS)
    if chance < 0.6:
        return _person(scene, random)
    if chance < 0.7:
        return Nominal(one_of(random, scene.places), "name", entity="LOC")
    category = "person" if chance < 0.85 else "thing"
    return draw_noun(scene, random, category, scene.world.by_category[category], decorated=False)


def _person(scene: Scene, random: Random) -> Nominal:
    """Name a person in full, or by the first or the last name."""
    first, last = one_of(random, scene.people)
    chance = random.random()
    if chance < 0.4:
        return Nominal(first, "name", entity="PER", surname=last)
    return Nominal(first if chance < 0.65 else last, "name", entity="PER")


def _group(scene: Scene, random: Random) -> Nominal:
    """Name an organisation: by a bare name, or as "school of" a place."""
    noun, name = one_of(random, scene.groups)
    if not noun:
        return Nominal(name, "name", entity="ORG")
    return Nominal(noun, possessor=Nominal(name, "name"), entity="ORG")


def _joined(first: Nominal, second: Nominal, random: Random) -> Nominal:
    """Coordinate two nominals."""
    return replace(first, conjunct=second, conjunction="CCONJ:and" if random.random() < 0.75 else "CCONJ:or")
