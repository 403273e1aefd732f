"""Saying predicates: the verb with its tense, agreement, auxiliaries and negation; the copula."""

from __future__ import annotations

from layerlab.languages.speech.features import verb_features
from layerlab.languages.speech.morphology import verb_form
from layerlab.languages.speech.speaker import Speaker
from layerlab.languages.speech.tokens import Token, adjective_word, on_side, plain_word, verb_word
from layerlab.languages.world.meaning import Clause, Nominal


def predicate_head(speaker: Speaker, clause: Clause, relation: str) -> Token:
    """Make the head word of a clause; its form is set where the parts around it are known."""
    if clause.attribute is not None:
        return Token("", "NOUN", relation, None, clause.attribute.concept)
    if not clause.predicate.startswith("ADJ"):
        return Token("", "VERB", relation, None, clause.predicate)
    subject, plural, gender = clause.subject, False, 0
    if subject is not None:
        plural = subject.plural or subject.conjunct is not None
        gender = speaker.genders.get(subject.concept, 0)
    return adjective_word(speaker, clause.predicate, relation, None, plural, "nom", gender)


def agreement(nominal: Nominal | None) -> str:
    """Return the person and number with which a verb agrees."""
    if nominal is None:
        return "3"
    plural = nominal.plural or nominal.conjunction == "CCONJ:and"
    return f"{nominal.person}+many" if plural else str(nominal.person)


def verb_group(speaker: Speaker, clause: Clause, head: Token, who: str, infinite: bool) -> list[Token]:
    """Say the verb with its auxiliaries and its negation; of a copular clause, the copula alone."""
    language = speaker.language
    tense = "infinitive" if infinite else clause.tense
    auxiliary = ""
    if head.upos != "VERB":
        group = _copula(speaker, clause, head, who)
    else:
        tensed_word = tense in ("past", "future") and language.tense == "word"
        auxiliary = clause.modal or (f"AUX:{tense}" if tensed_word else "")
        form = ("infinitive", "") if auxiliary else (tense, who)
        inflection = (clause.predicate, *form, clause.negated)
        head.form, head.features = verb_form(speaker, *inflection), verb_features(speaker, *inflection)
        group = [head]
    if clause.negated and (language.negation != "affix" or not group):
        particle = plain_word(speaker, "PART:not", "advmod", head)
        group = on_side("after" if language.negation == "after" else "before", [particle], group)
    if auxiliary:
        auxiliary_tense = clause.tense if clause.modal else "present"
        token = verb_word(speaker, auxiliary, "aux", head, auxiliary_tense, who, False)
        group = on_side(language.auxiliaries, [token], group)
    if infinite and language.tense != "affix":
        group.insert(0, plain_word(speaker, "PART:to", "mark", head))
    return group


def _copula(speaker: Speaker, clause: Clause, head: Token, who: str) -> list[Token]:
    if clause.tense == "present" and not speaker.language.copula:
        return []
    return [verb_word(speaker, "AUX:be", "cop", head, clause.tense, who, clause.negated)]
