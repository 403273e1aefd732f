"""The words of a language: inherited with sound changes, borrowed, or its own; some are homographs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from layerlab.languages.family import find_language
from layerlab.languages.language import Family, Language, Phonotactics, WorldSize
from layerlab.languages.randomness import Weighted, one_of, shuffled, stream, unit
from layerlab.languages.scripts import write
from layerlab.languages.sounds import changed, draw_affix, draw_stem, parse_sounds, syllable_inventory
from layerlab.languages.world.inventory import FUNCTION_WORDS
from layerlab.languages.world.world import numbered

_CASES: Final = ("acc", "gen", "dat", "loc", "abl", "ins")
_PERSONS: Final = ("1", "2", "3", "1+many", "2+many", "3+many")
_BORROWED: Final = frozenset({"NOUN", "VERB", "ADJ"})
_CONTENT: Final = frozenset({"NOUN", "VERB", "ADJ", "ADV"})


@dataclass
class _Taken:
    """The written forms that are in use, and the stems of each class that others may look like."""

    forms: set[str] = field(default_factory=set)
    affixes: set[tuple[str, str]] = field(default_factory=set)
    stems: dict[str, list[str]] = field(default_factory=dict)


def all_concepts(size: WorldSize) -> Iterator[str]:
    """List every concept with a word: function words, then names and content words, frequent ones first."""
    yield from FUNCTION_WORDS
    kinds = ("NOUN", size.nouns), ("VERB", size.verbs), ("ADJ", size.adjectives), ("ADV", size.adverbs)
    for kind, number in (*kinds, ("NAME", size.names)):
        yield from numbered(kind, number)


def affix_labels(language: Language | None = None) -> tuple[str, ...]:
    """Name the affixes that a language may need: one a meaning, or one a bundle of them if it is fusional."""
    single = (
        *(f"noun:{label}" for label in ("definite", "many", *_CASES)),
        *(f"verb:{label}" for label in ("past", "future", "infinitive", "not", *_PERSONS)),
        *("adjective:gender1", "adjective:gender2"),
    )
    if language is not None and language.morphology == "agglutinative":
        return single
    nouns = (f"noun:many+{case}" for case in _CASES)
    verbs = (f"verb:{tense}+{person}" for tense in ("past", "future") for person in _PERSONS)
    return (*single, *nouns, *verbs)


def build_lexicon(family: Family, name: str) -> Mapping[str, str]:
    """Return the sounds of every word (by concept) and affix (by ``AFFIX:`` and its label) of a language.

    Raises:
        DataError: The family has no such language.
    """
    language = find_language(family, name)
    loans = language.loans
    # Lent is what the source has without its own borrowings, so that two languages may lend to each other.
    lent = _own_words(family, loans.source, {}) if loans else {}
    share = loans.share if loans else 0.0
    borrowed = {
        concept: sounds
        for concept, sounds in lent.items()
        if concept.split(":")[0] in _BORROWED and unit("loan", name, concept) < share
    }
    return _own_words(family, name, borrowed)


def syllables_of(phonotactics: Phonotactics, name: str) -> Weighted[str]:
    """Return the syllables of a language."""
    groups = (parse_sounds(part) for part in (phonotactics.onsets, phonotactics.vowels, phonotactics.codas))
    onsets, vowels, codas = groups
    return syllable_inventory(onsets, vowels, codas, phonotactics.syllables, stream("syllables", name))


def proto_words(family: Family) -> Mapping[str, str]:
    """Return the words and affixes of the proto-language."""
    seed, syllables = family.world.seed, syllables_of(family.proto, f"proto/{family.world.seed}")
    words: dict[str, str] = {}
    used: set[str] = set()
    for concept in all_concepts(family.world):
        random = stream("proto", seed, concept)
        sounds = draw_stem(syllables, _length(concept, random.random()), random)
        while sounds in used:
            sounds = draw_stem(syllables, 2, random)
        used.add(sounds)
        words[concept] = sounds
    for label in affix_labels():
        words[f"AFFIX:{label}"] = draw_affix(syllables, stream("proto", seed, "affix", label))
    return words


def _own_words(family: Family, name: str, borrowed: Mapping[str, str]) -> dict[str, str]:
    language = find_language(family, name)
    proto, syllables = proto_words(family), syllables_of(language.phonotactics, f"{name}/{family.world.seed}")
    friends = _false_friends(family, name, proto)
    taken, words = _Taken(), {}
    for concept in (*all_concepts(family.world), *(f"AFFIX:{label}" for label in affix_labels(language))):
        old = friends.get(concept) or _inherited(language, concept, proto[concept], family.world.seed, name)
        words[concept] = _choose(
            language, f"{name}/{family.world.seed}", concept, borrowed.get(concept, old), syllables, taken
        )
    return words


def _inherited(language: Language, concept: str, proto: str, seed: int, name: str) -> str:
    """Return the inherited word, or the family's name, or nothing where the language has its own."""
    if concept.startswith("NAME"):
        return proto if unit("name", seed, name, concept) < language.names else ""
    return changed(proto, language.cognates.changes) if _kept(language, concept, seed) else ""


def _kept(language: Language, concept: str, seed: int) -> bool:
    # One number per concept for all languages: the kept shares are nested.
    return unit("cognate", seed, concept) < language.cognates.share


def _false_friends(family: Family, name: str, proto: Mapping[str, str]) -> dict[str, str]:
    """Return some of the content words that were not kept each other's old forms."""
    language, seed = find_language(family, name), family.world.seed
    share = language.cognates.false_friends
    chosen = [
        concept
        for concept in all_concepts(family.world)
        if concept not in FUNCTION_WORDS
        and concept.split(":")[0] in _CONTENT
        and not _kept(language, concept, seed)
        and unit("false friend", name, seed, concept) < share
    ]
    # Half a turn of a shuffled row that is sorted by class: most get a form from another class.
    row = shuffled(stream("false friends", name, seed), chosen)
    row.sort(key=lambda concept: concept.split(":")[0])
    giving = row[len(row) // 2 :] + row[: len(row) // 2]
    forms = (changed(proto[giver], language.cognates.changes) for giver in giving)
    return dict(zip(row, forms, strict=True))


def _choose(
    language: Language, seed: str, concept: str, old: str, syllables: Weighted[str], taken: _Taken
) -> str:
    """Choose a word that is new in its class, or, for a share of them, one that another class has."""
    random = stream("lexicon", seed, concept)
    kind, *rest = concept.split(":")
    if kind == "AFFIX":
        group = rest[0]
        sounds = old or draw_affix(syllables, random)
        while not sounds or (group, sounds) in taken.affixes:
            sounds = draw_affix(syllables, random) + (
                syllables.draw(random)[0] if random.random() < 0.2 else ""
            )
        taken.affixes.add((group, sounds))
        return sounds
    own = taken.stems.setdefault(kind, [])
    share = language.homographs / 2 if concept in FUNCTION_WORDS else language.homographs
    if kind not in ("NOUN", "NAME") and random.random() < share:
        sounds = _alike(kind, taken, random)
        if sounds and sounds not in own:
            own.append(sounds)
            return sounds
    sounds = old
    while not sounds or write(language.script, sounds) in taken.forms:
        sounds = draw_stem(syllables, _length(concept, random.random()), random)
    taken.forms.add(write(language.script, sounds))
    own.append(sounds)
    return sounds


def _alike(kind: str, taken: _Taken, random: Random) -> str:
    """Find a word of another class, preferably a frequent one: a rare homograph misleads nobody."""
    others = [other for other in taken.stems if other != kind]
    if not others:
        return ""
    larger = [other for other in others if len(taken.stems[other]) > 20] or others
    stems = taken.stems[one_of(random, larger)]
    return stems[int(len(stems) * random.random() ** 3)]


def _length(concept: str, chance: float) -> int:
    """Draw how many syllables a word has: function words one, content words two or three."""
    if concept in FUNCTION_WORDS:
        return 1 if chance < 0.75 else 2
    return 2 if chance < 0.75 else 3
