"""Inflection: the form of a word in its place."""

from __future__ import annotations

from typing import Final

from layerlab.languages.scripts import write
from layerlab.languages.speech.speaker import Speaker

# Cases that replace adpositions where case is rich.
RICH_CASES: Final = {"ADP:in": "loc", "ADP:to": "dat", "ADP:from": "abl", "ADP:with": "ins"}


def word_form(speaker: Speaker, concept: str) -> str:
    """Write a word that is not inflected."""
    key = (concept,)
    form = speaker.forms.get(key)
    if form is None:
        form = speaker.forms[key] = write(speaker.language.script, speaker.words[concept])
    return form


def noun_form(speaker: Speaker, concept: str, plural: bool, case: str, definite: bool) -> str:
    """Write a noun, name or pronoun in its number and case, with a definite suffix if there is one."""
    key = (concept, plural, case, definite)
    form = speaker.forms.get(key)
    if form is None:
        language = speaker.language
        many = plural and language.number == "affix" and concept.startswith("NOUN")
        labels = _case_labels(speaker, "noun", many, case)
        if definite and language.articles == "suffix":
            labels = [*labels, "noun:definite"]
        form = speaker.forms[key] = _inflected(speaker, concept, labels)
    return form


def adjective_form(speaker: Speaker, concept: str, plural: bool, case: str, gender: int) -> str:
    """Write an adjective or determiner; it shows gender, number and case of its noun if it agrees."""
    key = (concept, plural, case, gender)
    form = speaker.forms.get(key)
    if form is None:
        labels: list[str] = []
        if "adjective" in speaker.language.agreement:
            many = plural and speaker.language.number == "affix"
            labels = [f"adjective:gender{gender}"] if gender else []
            labels += _case_labels(speaker, "noun", many, case)
        form = speaker.forms[key] = _inflected(speaker, concept, labels)
    return form


def verb_form(speaker: Speaker, concept: str, tense: str, who: str, negated: bool = False) -> str:
    """Write a verb in its tense (or ``infinitive``), agreeing with ``who`` (``3+many``; empty: nobody)."""
    key = (concept, tense, who, negated)
    form = speaker.forms.get(key)
    if form is None:
        form = speaker.forms[key] = _inflected(speaker, concept, _verb_labels(speaker, tense, who, negated))
    return form


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


def _case_labels(speaker: Speaker, group: str, many: bool, case: str) -> list[str]:
    marked = case != "nom" and speaker.language.case != "none"
    if many and marked:
        together = speaker.language.morphology == "fusional"
        return [f"{group}:many+{case}"] if together else [f"{group}:many", f"{group}:{case}"]
    return [f"{group}:many"] if many else [f"{group}:{case}"] if marked else []


def _inflected(speaker: Speaker, concept: str, labels: list[str]) -> str:
    affixes = [speaker.words[f"AFFIX:{label}"] for label in labels]
    stem = speaker.words[concept]
    sounds = (
        stem + "".join(affixes) if speaker.language.affixes == "suffix" else "".join(reversed(affixes)) + stem
    )
    return write(speaker.language.script, sounds)
