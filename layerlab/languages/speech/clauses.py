"""Saying clauses: the order of verb, subject and object, and clauses within clauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from layerlab.languages.randomness import Weighted, weighted
from layerlab.languages.speech.nominals import say_nominal
from layerlab.languages.speech.predicates import agreement, predicate_head, verb_group
from layerlab.languages.speech.speaker import Speaker, Voice
from layerlab.languages.speech.tokens import Phrase, Token, mark, noun_word, on_side, plain_word
from layerlab.languages.world.meaning import Clause, Nominal

_FREE: Final[Weighted[str]] = weighted(("SVO", "SOV", "OVS", "VSO"), (0.4, 0.25, 0.2, 0.15))


@dataclass
class _Slots:
    """The parts of a clause before they are put in order."""

    subject: Sequence[Token] = ()
    verb: Sequence[Token] = ()
    object: Sequence[Token] = ()
    circumstances: Sequence[Token] = ()
    adverbs: Sequence[Token] = ()
    complement: Sequence[Token] = ()


def say_clause(voice: Voice, clause: Clause, relation: str, shared: Nominal | None = None) -> Phrase:
    """Say a clause, whose head word has a relation to the clause or noun above.

    ``shared`` is who does it, where the clause itself leaves that out.
    """
    speaker = voice.speaker
    infinite = relation == "xcomp"
    slots, head = _Slots(), predicate_head(speaker, clause, relation)
    if clause.subject is not None and not _dropped(speaker, clause.subject):
        slots.subject = _depend(say_phrase(voice, clause.subject, "nsubj", "nom"), head)
    slots.object = _depend(say_phrase(voice, clause.object, "obj", "acc"), head) if clause.object else []
    if clause.attribute is not None:
        slots.object = _attribute(speaker, clause.attribute, head)
    elif clause.predicate.startswith("ADJ"):
        slots.object = [*_adverbs(speaker, clause, head), head]
    if not clause.predicate.startswith("ADJ"):
        slots.adverbs = _adverbs(speaker, clause, head)
    slots.circumstances = [
        token
        for adposition, nominal in clause.circumstances
        for token in _depend(say_phrase(voice, nominal, "obl", "nom", adposition), head)
    ]
    who = "" if infinite else agreement(clause.subject or shared)
    slots.verb = verb_group(speaker, clause, head, who, infinite)
    if clause.complement is not None:
        slots.complement = _complement(voice, clause, head, clause.subject or shared)
    tokens = _ordered(voice, slots)
    tokens = _with_adverbial(voice, clause, head, tokens)
    return Phrase(_with_conjunct(voice, clause, head, tokens, clause.subject or shared), head)


def say_phrase(voice: Voice, nominal: Nominal, relation: str, case: str, adposition: str = "") -> Phrase:
    """Say a nominal that may have a relative clause."""
    relative = None
    if nominal.relative is not None:
        shared = nominal if nominal.gap == "subject" else None
        relative = say_clause(voice, nominal.relative, "acl:relcl", shared)
        relative = _relativised(voice.speaker, nominal, relative)
    return say_nominal(voice.speaker, nominal, relation, case, adposition, relative)


def marked(speaker: Speaker, marker: str, clause: Phrase) -> Phrase:
    """Put a subordinating conjunction on the side of the clause where the language has it."""
    token = plain_word(speaker, marker, "mark", clause.head)
    return Phrase(on_side(speaker.language.complementizers, [token], clause.tokens), clause.head)


def _relativised(speaker: Speaker, nominal: Nominal, clause: Phrase) -> Phrase:
    """Open a relative clause by a pronoun, or mark it by a particle next to the noun."""
    before_noun = speaker.language.relatives == "before"
    if speaker.language.relativizer == "particle" or before_noun:
        token = plain_word(speaker, "SCONJ:which", "mark", clause.head)
        return Phrase(on_side("after" if before_noun else "before", [token], clause.tokens), clause.head)
    case, relation = ("nom", "nsubj") if nominal.gap == "subject" else ("acc", "obj")
    token = noun_word(speaker, "PRON:who", relation, clause.head, case=case)
    return Phrase([token, *clause.tokens], clause.head)


def _dropped(speaker: Speaker, nominal: Nominal) -> bool:
    return speaker.language.prodrop and nominal.kind == "pronoun"


def _depend(phrase: Phrase, head: Token) -> list[Token]:
    phrase.head.head = head
    return phrase.tokens


def _attribute(speaker: Speaker, nominal: Nominal, head: Token) -> list[Token]:
    """Say a predicate noun, whose noun is the head of the clause."""
    phrase = say_nominal(speaker, nominal, head.relation)
    head.form, head.features = phrase.head.form, phrase.head.features
    for token in phrase.tokens:
        if token.head is phrase.head:
            token.head = head
    return [head if token is phrase.head else token for token in phrase.tokens]


def _adverbs(speaker: Speaker, clause: Clause, head: Token) -> list[Token]:
    return [plain_word(speaker, concept, "advmod", head) for concept in clause.adverbs]


def _complement(voice: Voice, clause: Clause, head: Token, subject: Nominal | None) -> list[Token]:
    assert clause.complement is not None
    if clause.controlled:
        return _depend(say_clause(voice, clause.complement, "xcomp", subject), head)
    said = say_clause(voice, clause.complement, "ccomp")
    return _depend(marked(voice.speaker, "SCONJ:that", said), head)


def _ordered(voice: Voice, slots: _Slots) -> list[Token]:
    """Put the parts of a clause in the order of the language."""
    language = voice.speaker.language
    verb = on_side(language.adverbs, slots.adverbs, slots.verb)
    if language.order == "SOV":
        return [*slots.subject, *slots.circumstances, *slots.object, *slots.complement, *verb]
    order = _FREE.draw(voice.random) if language.order == "free" else language.order
    parts: dict[str, Sequence[Token]] = {"S": slots.subject, "V": verb, "O": slots.object}
    ordered = [token for letter in order for token in parts[letter]]
    return [*ordered, *slots.circumstances, *slots.complement]


def _with_adverbial(voice: Voice, clause: Clause, head: Token, tokens: list[Token]) -> list[Token]:
    """Put the adverbial clause first or last; where the verb is last it is always first."""
    if clause.adverbial is None:
        return tokens
    speaker = voice.speaker
    inner = marked(speaker, clause.marker, say_clause(voice, clause.adverbial, "advcl"))
    inner.head.head = head
    comma = mark(speaker.marks.comma, inner.head)
    if clause.fronted or speaker.language.order == "SOV":
        return [*inner.tokens, comma, *tokens]
    return [*tokens, comma, *inner.tokens]


def _with_conjunct(
    voice: Voice, clause: Clause, head: Token, tokens: list[Token], subject: Nominal | None
) -> list[Token]:
    """Add the next clause; one with a subject of its own comes after a comma."""
    if clause.conjunct is None:
        return tokens
    speaker, own = voice.speaker, clause.conjunct.subject is not None
    second = say_clause(voice, clause.conjunct, "conj", None if own else subject)
    second.head.head = head
    joint = plain_word(speaker, clause.conjunction, "cc", second.head)
    comma = [mark(speaker.marks.comma, second.head)] if own else []
    return [*tokens, *comma, joint, *second.tokens]
