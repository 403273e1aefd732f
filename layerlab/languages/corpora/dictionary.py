"""Dictionaries: the word of every concept in each language, and pairs of words that mean the same."""

from __future__ import annotations

from dataclasses import dataclass

from layerlab.languages.corpora.generate import find_speaker
from layerlab.languages.family import default_family
from layerlab.languages.language import Family, Language
from layerlab.languages.speech.morphology import RICH_CASES, word_form
from layerlab.languages.speech.tokens import part_of_speech
from layerlab.languages.speech.words import all_concepts


@dataclass(frozen=True)
class Entry:
    """A word and its translation.

    Attributes:
        source: Dictionary form in the one language.
        target: Dictionary form in the other.
        pos: Universal part of speech of both.
        concept: What they mean.
    """

    source: str
    target: str
    pos: str
    concept: str


def bilingual_dictionary(source: str, target: str, *, family: Family | None = None) -> tuple[Entry, ...]:
    """Return the words that mean the same in two languages, function words first, then frequent ones first.

    A word that looks like another (a homograph) has several entries.

    Raises:
        DataError: The family has no such language.

    >>> [entry.pos for entry in bilingual_dictionary("avin", "belo") if entry.concept == "NAME:0"]
    ['PROPN']
    """
    here, there = word_table(source, family=family), word_table(target, family=family)
    return tuple(
        Entry(word, there[concept], part_of_speech(concept), concept)
        for concept, word in here.items()
        if concept in there
    )


def word_table(language: str, *, family: Family | None = None) -> dict[str, str]:
    """Return the dictionary form of every concept that a language has a word for.

    Raises:
        DataError: The family has no such language.
    """
    family = family or default_family()
    speaker = find_speaker(language, family)
    return {
        concept: word_form(speaker, concept)
        for concept in all_concepts(family.world)
        if not _unused(concept, speaker.language)
    }


def _unused(concept: str, language: Language) -> bool:
    """Return whether a language does without a function word."""
    relative_pronoun = language.relativizer == "pronoun" and language.relatives == "after"
    unused = {
        "DET:the": language.articles not in ("definite", "both"),
        "DET:a": language.articles != "both",
        "ADP:of": language.case != "none",
        "AUX:past": language.tense != "word",
        "AUX:future": language.tense != "word",
        "PART:to": language.tense == "affix",
        "PART:not": language.negation == "affix" and language.copula,
        "PART:question": language.questions == "none",
        "PRON:who": not relative_pronoun,
        "SCONJ:which": relative_pronoun,
    }
    if language.case == "rich" and concept in RICH_CASES:
        return True
    return unused.get(concept, False)
