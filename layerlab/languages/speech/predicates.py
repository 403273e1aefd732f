"""Saying predicates: the verb with its tense, agreement, auxiliaries and negation; the copula."""

from __future__ import annotations

from layerlab.languages.speech.features import adjective_features, verb_features, word_features
from layerlab.languages.speech.morphology import adjective_form, verb_form, word_form
from layerlab.languages.speech.speaker import Speaker, Token
from layerlab.languages.world.meaning import Clause, Nominal


def predicate_head(speaker: Speaker, clause: Clause, relation: str) -> Token:
    """Make the head word of a clause; its form is set where the parts around it are known."""
    if clause.attribute is not None:
        return Token("", "NOUN", relation, None, clause.attribute.concept)
    if clause.predicate.startswith("ADJ"):
        plural, gender = _features(speaker, clause.subject)
        form = adjective_form(speaker, clause.predicate, plural, "nom", gender)
        head = Token(form, "ADJ", relation, None, clause.predicate)
        head.features = adjective_features(speaker, clause.predicate, plural, "nom", gender)
        return head
    return Token("", "VERB", relation, None, clause.predicate)


def _features(speaker: Speaker, nominal: Nominal | None) -> tuple[bool, int]:
    if nominal is None:
        return False, 0
    return nominal.plural or nominal.conjunct is not None, speaker.genders.get(nominal.concept, 0)


def agreement(nominal: Nominal | None) -> str:
    """Return the person and number with which a verb agrees."""
    if nominal is None:
        return "3"
    plural = nominal.plural or nominal.conjunction == "CCONJ:and"
    return f"{nominal.person}+many" if plural else str(nominal.person)


def verb_group(speaker: Speaker, clause: Clause, head: Token, who: str, infinite: bool) -> list[Token]:
    """Say the verb with its auxiliaries and its negation; of a copular clause, the copula alone."""
    language = speaker.language
    copular = head.upos != "VERB"
    tense = "infinitive" if infinite else clause.tense
    auxiliary = ""
    if clause.modal:
        auxiliary = clause.modal
    elif tense in ("past", "future") and language.tense == "word":
        auxiliary = f"AUX:{tense}"
    group: list[Token] = []
    if copular:
        group = _copula(speaker, clause, head, who)
        auxiliary = ""
    else:
        form_tense = "infinitive" if auxiliary else tense
        inflection = clause.predicate, form_tense, "" if auxiliary else who, clause.negated
        head.form, head.features = verb_form(speaker, *inflection), verb_features(speaker, *inflection)
        group = [head]
    if clause.negated and (language.negation != "affix" or not group):
        particle = Token(word_form(speaker, "PART:not"), "PART", "advmod", head, "PART:not")
        particle.features = word_features(speaker, "PART:not")
        group = [*group, particle] if language.negation == "after" else [particle, *group]
    if auxiliary:
        auxiliary_tense = clause.tense if clause.modal else "present"
        token = Token(verb_form(speaker, auxiliary, auxiliary_tense, who), "AUX", "aux", head, auxiliary)
        token.features = verb_features(speaker, auxiliary, auxiliary_tense, who)
        group = [token, *group] if language.auxiliaries == "before" else [*group, token]
    if infinite and language.tense != "affix":
        group.insert(0, Token(word_form(speaker, "PART:to"), "PART", "mark", head, "PART:to"))
    return group


def _copula(speaker: Speaker, clause: Clause, head: Token, who: str) -> list[Token]:
    if clause.tense == "present" and not speaker.language.copula:
        return []
    inflection = "AUX:be", clause.tense, who, clause.negated
    token = Token(verb_form(speaker, *inflection), "AUX", "cop", head, "AUX:be")
    token.features = verb_features(speaker, *inflection)
    return [token]
