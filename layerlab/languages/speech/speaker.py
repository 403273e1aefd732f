"""A speaker: a language with its words, ready to inflect and write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from layerlab.languages.language import Family, Language
from layerlab.languages.randomness import unit
from layerlab.languages.scripts import SCRIPTS, Script
from layerlab.languages.speech.words import build_lexicon


@dataclass(slots=True)
class Token:
    """A word while its sentence is being built.

    Attributes:
        form: The written word.
        upos: Its universal part of speech.
        relation: To its head.
        head: The word that it depends on; None for the root.
        concept: What it means; empty for punctuation.
        entity: Its IOB2 tag.
        features: What its form shows, as CoNLL-U writes it.
        index: Its 1-based place, once known.
    """

    form: str
    upos: str
    relation: str
    head: Token | None
    concept: str = ""
    entity: str = "O"
    features: str = "_"
    index: int = 0


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in their order, and the word that the others depend on."""

    tokens: list[Token]
    head: Token


@dataclass(frozen=True)
class Speaker:
    """A language with its words.

    Attributes:
        name: The language's name.
        language: Its description.
        marks: Its punctuation.
        words: Sounds of its words and affixes.
        genders: The gender of each noun.
        forms: Written forms made so far; a cache that changes no result.
        features: Features of words made so far; likewise.
    """

    name: str
    language: Language
    marks: Script
    words: Mapping[str, str]
    genders: Mapping[str, int]
    forms: dict[tuple[object, ...], str] = field(default_factory=dict, compare=False, repr=False)
    features: dict[tuple[object, ...], str] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker while saying one document: ``random`` decides where the language leaves a choice."""

    speaker: Speaker
    random: Random


def build_speaker(family: Family, name: str) -> Speaker:
    """Make the speaker of a language.

    Raises:
        DataError: The family has no such language.
    """
    words = build_lexicon(family, name)
    language = family.languages[name]
    genders = {
        concept: int(unit("gender", family.world.seed, name, concept) * language.genders)
        for concept in words
        if concept.startswith(("NOUN", "NAME"))
    }
    return Speaker(name, language, SCRIPTS[language.script], words, genders)


def tag_entity(tokens: list[Token], kind: str) -> None:
    """Tag words that stand together as one entity."""
    for place, token in enumerate(tokens):
        token.entity = f"I-{kind}" if place else f"B-{kind}"
