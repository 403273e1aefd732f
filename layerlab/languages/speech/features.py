"""Morphological features: what the form of a word shows, in the terms of Universal Dependencies.

A feature is given where the language marks it: a language without case has no ``Case``.

Reference: https://universaldependencies.org/u/feat
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from layerlab.languages.speech.speaker import Speaker

Features = Mapping[str, str]

_CASES: Final = {
    "nom": "Nom",
    "acc": "Acc",
    "gen": "Gen",
    "dat": "Dat",
    "loc": "Loc",
    "abl": "Abl",
    "ins": "Ins",
}
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


def word_features(speaker: Speaker, concept: str) -> str:
    """Return the features of a word that is not inflected."""
    key = (concept,)
    found = speaker.features.get(key)
    if found is None:
        features = dict(_LEXICAL.get(concept, {}))
        if concept in _PERSONS:
            features |= _pronoun(concept)
        elif concept.startswith("NUM"):
            features |= {"NumForm": "Word", "NumType": "Card"}
        elif concept.isdigit():
            features |= {"NumForm": "Digit", "NumType": "Card"}
        found = speaker.features[key] = written(features)
    return found


def noun_features(speaker: Speaker, concept: str, plural: bool, case: str, definite: bool) -> str:
    """Return the features of a noun, name or pronoun; the arguments are those of ``noun_form``."""
    key = (concept, plural, case, definite)
    found = speaker.features.get(key)
    if found is None:
        language = speaker.language
        features = dict(_LEXICAL.get(concept, {}))
        if language.case != "none":
            features["Case"] = _CASES[case]
        if concept in _PERSONS:
            features |= _pronoun(concept)
        elif concept != "PRON:who":
            if language.number == "affix":
                features["Number"] = "Plur" if plural else "Sing"
            features |= _gender(speaker, speaker.genders.get(concept, 0))
            if language.articles == "suffix" and concept.startswith("NOUN"):
                features["Definite"] = "Def" if definite else "Ind"
        found = speaker.features[key] = written(features)
    return found


def adjective_features(speaker: Speaker, concept: str, plural: bool, case: str, gender: int) -> str:
    """Return the features of an adjective or determiner; the arguments are those of ``adjective_form``."""
    key = (concept, plural, case, gender)
    found = speaker.features.get(key)
    if found is None:
        language = speaker.language
        features = dict(_LEXICAL.get(concept, {}))
        if "adjective" in language.agreement:
            features |= _gender(speaker, gender)
            if language.case != "none":
                features["Case"] = _CASES[case]
            if language.number == "affix":
                features["Number"] = "Plur" if plural else "Sing"
        found = speaker.features[key] = written(features)
    return found


def verb_features(speaker: Speaker, concept: str, tense: str, who: str, negated: bool = False) -> str:
    """Return the features of a verb or auxiliary; the arguments are those of ``verb_form``."""
    key = (concept, tense, who, negated)
    found = speaker.features.get(key)
    if found is None:
        language = speaker.language
        features = dict(_LEXICAL.get(concept, {}))
        if negated and language.negation == "affix":
            features["Polarity"] = "Neg"
        if tense == "infinitive":
            if language.tense == "affix":
                features["VerbForm"] = "Inf"
        else:
            if language.tense == "affix":
                features |= {"Mood": "Ind", "Tense": _TENSES[tense], "VerbForm": "Fin"}
            if who and "verb" in language.agreement:
                features |= {"Person": who[0], "Number": "Plur" if who.endswith("+many") else "Sing"}
        found = speaker.features[key] = written(features)
    return found


def _pronoun(concept: str) -> dict[str, str]:
    person = _PERSONS[concept]
    features = {"Person": person[0], "Number": person[1:], "PronType": "Prs"}
    return {**features, "Poss": "Yes"} if concept in _POSSESSIVE else features


def _gender(speaker: Speaker, gender: int) -> dict[str, str]:
    language = speaker.language
    shown = language.genders > 1 and "adjective" in language.agreement
    return {"Gender": _GENDERS[gender]} if shown else {}
