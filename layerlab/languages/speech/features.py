"""Morphological features: what the form of a word shows, in the terms of Universal Dependencies.

A feature is given where the language marks it: a language without case has no ``Case``.

Reference: https://universaldependencies.org/u/feat
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from layerlab.languages.language import Language
from layerlab.languages.speech.speaker import Speaker, remembered

Features = Mapping[str, str]

_GENDERS: Final = ("Masc", "Fem", "Neut")
_TENSES: Final = {"past": "Past", "present": "Pres", "future": "Fut"}
_PERSONS: Final = {
    **{"PRON:I": "1Sing", "PRON:you": "2Sing", "PRON:he": "3Sing", "PRON:we": "1Plur", "PRON:they": "3Plur"},
    **{"PRON:my": "1Sing", "PRON:your": "2Sing", "PRON:his": "3Sing"},
    **{"PRON:our": "1Plur", "PRON:their": "3Plur"},
}
_POSSESSIVE: Final = frozenset({"PRON:my", "PRON:your", "PRON:his", "PRON:our", "PRON:their"})
_LEXICAL: Final[Mapping[str, Features]] = {
    "DET:the": {"Definite": "Def", "PronType": "Art"},
    "DET:a": {"Definite": "Ind", "PronType": "Art"},
    "DET:this": {"PronType": "Dem"},
    "DET:that": {"PronType": "Dem"},
    "DET:every": {"PronType": "Tot"},
    "DET:some": {"PronType": "Ind"},
    "PRON:who": {"PronType": "Rel"},
    "PART:not": {"Polarity": "Neg"},
    "AUX:past": {"Tense": "Past"},
    "AUX:future": {"Tense": "Fut"},
}


def written(features: Features) -> str:
    """Write features as CoNLL-U has them, sorted; ``_`` for none.

    >>> written({"Number": "Sing", "Case": "Nom"}), written({})
    ('Case=Nom|Number=Sing', '_')
    """
    ordered = sorted(features.items(), key=lambda item: item[0].lower())
    return "|".join(f"{name}={value}" for name, value in ordered) or "_"


@remembered
def word_features(speaker: Speaker, concept: str) -> str:
    """Return the features of a word that is not inflected."""
    features = dict(_LEXICAL.get(concept, {}))
    if concept in _PERSONS:
        features |= _pronoun(concept)
    elif concept.startswith("NUM") or concept.isdigit():
        features |= {"NumForm": "Digit" if concept.isdigit() else "Word", "NumType": "Card"}
    return written(features)


@remembered
def noun_features(speaker: Speaker, concept: str, plural: bool, case: str, definite: bool) -> str:
    """Return the features of a noun, name or pronoun; the arguments are those of ``noun_form``."""
    language = speaker.language
    features = {**_LEXICAL.get(concept, {}), **_case(language, case)}
    if concept in _PERSONS:
        features |= _pronoun(concept)
    elif concept != "PRON:who":
        features |= _number(language, plural) | _gender(language, speaker.genders.get(concept, 0))
        if language.articles == "suffix" and concept.startswith("NOUN"):
            features["Definite"] = "Def" if definite else "Ind"
    return written(features)


@remembered
def adjective_features(speaker: Speaker, concept: str, plural: bool, case: str, gender: int) -> str:
    """Return the features of an adjective or determiner; the arguments are those of ``adjective_form``."""
    language = speaker.language
    features = dict(_LEXICAL.get(concept, {}))
    if "adjective" in language.agreement:
        features |= _gender(language, gender) | _case(language, case) | _number(language, plural)
    return written(features)


@remembered
def verb_features(speaker: Speaker, concept: str, tense: str, who: str, negated: bool) -> str:
    """Return the features of a verb or auxiliary; the arguments are those of ``verb_form``."""
    language = speaker.language
    features = dict(_LEXICAL.get(concept, {}))
    if negated and language.negation == "affix":
        features["Polarity"] = "Neg"
    if language.tense == "affix":
        finite = {"Mood": "Ind", "Tense": _TENSES.get(tense, ""), "VerbForm": "Fin"}
        features |= {"VerbForm": "Inf"} if tense == "infinitive" else finite
    if tense != "infinitive" and who and "verb" in language.agreement:
        features |= {"Person": who[0], "Number": "Plur" if who.endswith("+many") else "Sing"}
    return written(features)


def _pronoun(concept: str) -> dict[str, str]:
    person = _PERSONS[concept]
    features = {"Person": person[0], "Number": person[1:], "PronType": "Prs"}
    return {**features, "Poss": "Yes"} if concept in _POSSESSIVE else features


def _case(language: Language, case: str) -> dict[str, str]:
    return {"Case": case.capitalize()} if language.case != "none" else {}


def _number(language: Language, plural: bool) -> dict[str, str]:
    return {"Number": "Plur" if plural else "Sing"} if language.number == "affix" else {}


def _gender(language: Language, gender: int) -> dict[str, str]:
    shown = language.genders > 1 and "adjective" in language.agreement
    return {"Gender": _GENDERS[gender]} if shown else {}
