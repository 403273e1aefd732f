"""Words while their sentence is being built, and the order in which they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerlab.languages.language import Side
from layerlab.languages.speech.features import adjective_features, noun_features, verb_features, word_features
from layerlab.languages.speech.morphology import adjective_form, noun_form, verb_form, word_form
from layerlab.languages.speech.speaker import Speaker


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


def part_of_speech(concept: str) -> str:
    """Return the universal part of speech of a concept's words.

    >>> part_of_speech("NAME:3"), part_of_speech("VERB:0"), part_of_speech("12")
    ('PROPN', 'VERB', 'NUM')
    """
    kind = "NUM" if concept.isdigit() else concept.split(":")[0]
    return "PROPN" if kind == "NAME" else kind


def plain_word(speaker: Speaker, concept: str, relation: str, head: Token | None) -> Token:
    """Make a word that is not inflected; digits stand for themselves."""
    form = concept if concept.isdigit() else word_form(speaker, concept)
    features = word_features(speaker, concept)
    return Token(form, part_of_speech(concept), relation, head, concept, features=features)


def noun_word(
    speaker: Speaker,
    concept: str,
    relation: str,
    head: Token | None = None,
    *,
    plural: bool = False,
    case: str,
    definite: bool = False,
) -> Token:
    """Make a noun, name or pronoun in its form."""
    how = concept, plural, case, definite
    form, features = noun_form(speaker, *how), noun_features(speaker, *how)
    return Token(form, part_of_speech(concept), relation, head, concept, features=features)


def adjective_word(
    speaker: Speaker, concept: str, relation: str, head: Token | None, plural: bool, case: str, gender: int
) -> Token:
    """Make an adjective or determiner in the form that its noun asks for."""
    how = concept, plural, case, gender
    form, features = adjective_form(speaker, *how), adjective_features(speaker, *how)
    return Token(form, part_of_speech(concept), relation, head, concept, features=features)


def verb_word(
    speaker: Speaker, concept: str, relation: str, head: Token | None, tense: str, who: str, negated: bool
) -> Token:
    """Make a verb or auxiliary in the form that its tense and subject ask for."""
    how = concept, tense, who, negated
    form, features = verb_form(speaker, *how), verb_features(speaker, *how)
    return Token(form, part_of_speech(concept), relation, head, concept, features=features)


def mark(sign: str, head: Token) -> Token:
    """Make a punctuation mark."""
    return Token(sign, "PUNCT", "punct", head)


def on_side(side: Side, part: Sequence[Token], rest: Sequence[Token]) -> list[Token]:
    """Put a part before or after the rest."""
    return [*part, *rest] if side == "before" else [*rest, *part]


def tag_entity(tokens: list[Token], kind: str) -> None:
    """Tag words that stand together as one entity, if they are one."""
    for place, token in enumerate(tokens if kind else ()):
        token.entity = f"I-{kind}" if place else f"B-{kind}"
