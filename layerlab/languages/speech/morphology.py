"""Inflection: the form of a word in its place."""

from __future__ import annotations

from typing import Final

from layerlab.languages.scripts import write
from layerlab.languages.speech.speaker import Speaker, remembered

# Cases that replace adpositions where case is rich.
RICH_CASES: Final = {"ADP:in": "loc", "ADP:to": "dat", "ADP:from": "abl", "ADP:with": "ins"}


@remembered
def word_form(speaker: Speaker, concept: str) -> str:
    """Write a word that is not inflected."""
    return write(speaker.language.script, speaker.words[concept])


@remembered
def noun_form(speaker: Speaker, concept: str, plural: bool, case: str, definite: bool) -> str:
    """Write a noun, name or pronoun in its number and case, with a definite suffix if there is one."""
    many = plural and speaker.language.number == "affix" and concept.startswith("NOUN")
    labels = _case_labels(speaker, many, case)
    if definite and speaker.language.articles == "suffix":
        labels.append("noun:definite")
    return _inflected(speaker, concept, labels)


@remembered
def adjective_form(speaker: Speaker, concept: str, plural: bool, case: str, gender: int) -> str:
    """Write an adjective or determiner; it shows gender, number and case of its noun if it agrees."""
    labels: list[str] = []
    if "adjective" in speaker.language.agreement:
        labels = [f"adjective:gender{gender}"] if gender else []
        labels += _case_labels(speaker, plural and speaker.language.number == "affix", case)
    return _inflected(speaker, concept, labels)


@remembered
def verb_form(speaker: Speaker, concept: str, tense: str, who: str, negated: bool) -> str:
    """Write a verb in its tense (or ``infinitive``), agreeing with ``who`` (``3+many``; empty: nobody)."""
    return _inflected(speaker, concept, _verb_labels(speaker, tense, who, negated))


def _verb_labels(speaker: Speaker, tense: str, who: str, negated: bool) -> list[str]:
    language = speaker.language
    labels = ["verb:not"] if negated and language.negation == "affix" else []
    if tense == "infinitive":
        return [*labels, "verb:infinitive"] if language.tense == "affix" else labels
    tensed = tense != "present" and language.tense == "affix"
    agrees = bool(who) and "verb" in language.agreement
    if tensed and agrees and language.morphology == "fusional":
        return [*labels, f"verb:{tense}+{who}"]
    if tensed:
        labels.append(f"verb:{tense}")
    # The third person singular of the present is the bare stem.
    if agrees and (who != "3" or tensed):
        labels.append(f"verb:{who}")
    return labels


def _case_labels(speaker: Speaker, many: bool, case: str) -> list[str]:
    marked = case != "nom" and speaker.language.case != "none"
    if many and marked:
        together = speaker.language.morphology == "fusional"
        return [f"noun:many+{case}"] if together else ["noun:many", f"noun:{case}"]
    return ["noun:many"] if many else [f"noun:{case}"] if marked else []


def _inflected(speaker: Speaker, concept: str, labels: list[str]) -> str:
    parts = [speaker.words[concept], *(speaker.words[f"AFFIX:{label}"] for label in labels)]
    sounds = "".join(parts if speaker.language.affixes == "suffix" else reversed(parts))
    return write(speaker.language.script, sounds)
