"""Meaning trees: what a sentence says, before any language has said it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tense = Literal["present", "past", "future"]
Gap = Literal["", "subject", "object"]


@dataclass(frozen=True, slots=True)
class Nominal:
    """A person or thing that a sentence is about.

    Attributes:
        concept: ``NOUN:17``, ``NAME:3`` or ``PRON:I``.
        kind: How it is spoken of.
        plural: More than one.
        person: 1, 2 or 3.
        definite: Known to the hearer.
        determiner: ``DET:this`` and the like; replaces the article.
        numeral: Digits, or the concept of a number word.
        adjectives: Concepts of what it is like.
        degree: Concept of the degree of the first adjective.
        possessor: Whose it is, or where an organisation is.
        relative: A clause about it, in which it fills the gap.
        gap: What it is in its relative clause.
        conjunct: What it is coordinated with.
        conjunction: By which conjunction.
        surname: The second part of a person's name.
        entity: ``PER``, ``LOC``, ``ORG`` or nothing.
    """

    concept: str
    kind: Literal["noun", "name", "pronoun"] = "noun"
    plural: bool = False
    person: int = 3
    definite: bool = True
    determiner: str = ""
    numeral: str = ""
    adjectives: tuple[str, ...] = ()
    degree: str = ""
    possessor: Nominal | None = None
    relative: Clause | None = None
    gap: Gap = ""
    conjunct: Nominal | None = None
    conjunction: str = ""
    surname: str = ""
    entity: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """Something that is said.

    Attributes:
        predicate: ``VERB:3``, or ``ADJ:8``, or nothing where ``attribute`` is the predicate.
        subject: Who does it; None where the clause above, or the noun that it describes, says who.
        object: To whom or what.
        attribute: The predicate nominal of a copular clause.
        circumstances: Relations (``ADP:in``) and what they relate to.
        adverbs: Concepts of the manner or time.
        tense: When.
        modal: ``AUX:can`` and the like, or nothing.
        negated: Whether it is denied.
        question: Whether it is asked.
        complement: What is said, thought or wanted.
        controlled: The complement lacks a subject, which is that of this clause.
        adverbial: A clause about when, why or on what condition.
        marker: The concept of that relation.
        fronted: Whether the adverbial clause comes first, in languages that have the choice.
        conjunct: The next clause.
        conjunction: By which conjunction.
        interjection: A word said before, or nothing.
    """

    predicate: str
    subject: Nominal | None = None
    object: Nominal | None = None
    attribute: Nominal | None = None
    circumstances: tuple[tuple[str, Nominal], ...] = ()
    adverbs: tuple[str, ...] = ()
    tense: Tense = "present"
    modal: str = ""
    negated: bool = False
    question: bool = False
    complement: Clause | None = None
    controlled: bool = False
    adverbial: Clause | None = None
    marker: str = ""
    fronted: bool = False
    conjunct: Clause | None = None
    conjunction: str = ""
    interjection: str = ""
