"""A speaker: a language with its words, ready to inflect and write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from random import Random
from typing import Concatenate, ParamSpec

from layerlab.languages.language import Family, Language
from layerlab.languages.randomness import unit
from layerlab.languages.scripts import SCRIPTS, Script
from layerlab.languages.speech.words import build_lexicon

Inflection = ParamSpec("Inflection")


@dataclass(frozen=True)
class Speaker:
    """A language with its words.

    Attributes:
        name: The language's name.
        language: Its description.
        marks: Its punctuation.
        words: Sounds of its words and affixes.
        genders: The gender of each noun.
        memory: What was made so far; a cache that changes no result.
    """

    name: str
    language: Language
    marks: Script
    words: Mapping[str, str]
    genders: Mapping[str, int]
    memory: dict[tuple[object, ...], str] = field(default_factory=dict, compare=False, repr=False)


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


def remembered(
    make: Callable[Concatenate[Speaker, Inflection], str],
) -> Callable[Concatenate[Speaker, Inflection], str]:
    """Let a function make the same text for a speaker only once."""

    @wraps(make)
    def recall(speaker: Speaker, /, *args: Inflection.args, **named: Inflection.kwargs) -> str:
        key = (make, args, *named.items())
        if key not in speaker.memory:
            speaker.memory[key] = make(speaker, *args, **named)
        return speaker.memory[key]

    return recall
