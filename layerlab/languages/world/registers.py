"""Registers and domains: how people speak in a kind of text, and what about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from layerlab.errors import DataError, unknown

Share = Annotated[float, Field(ge=0, le=1)]


class Register(BaseModel):
    """How often the grammar makes each choice; the defaults are for text of no domain.

    Attributes:
        shortest: Sentences in the shortest document.
        longest: Sentences in the longest document.
        copulas: Share of clauses that say what something is, or is like.
        adverbials: Share of sentences with an adverbial clause.
        conjuncts: Share of sentences with a second clause.
        relatives: Share of arguments with a relative clause, of those that can have one.
        circumstances: Share of main clauses that say where, from where, with or for whom.
        adverbs: Share of clauses with an adverb.
        modals: Share of clauses with a modal verb.
        negations: Share of verbal clauses that are denied.
        questions: Share of sentences that ask.
        interjections: Share of sentences that begin with "yes", "no" or "well".
        pronouns: Share of pronouns among persons.
        names: Share of names among persons.
        adjectives: Share of nouns with an adjective.
        possessors: Share of nouns with an owner, of those that can have one.
        past: Share of documents in the past tense.
        future: Share of documents in the future tense.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shortest: Annotated[int, Field(ge=1)] = 4
    longest: Annotated[int, Field(ge=1)] = 8
    copulas: Share = 0.14
    adverbials: Share = 0.12
    conjuncts: Share = 0.14
    relatives: Share = 0.09
    circumstances: Share = 0.55
    adverbs: Share = 0.22
    modals: Share = 0.1
    negations: Share = 0.1
    questions: Share = 0.06
    interjections: Share = 0.03
    pronouns: Share = 0.2
    names: Share = 0.28
    adjectives: Share = 0.3
    possessors: Share = 0.14
    past: Share = 0.5
    future: Share = 0.12

    @model_validator(mode="after")
    def _parts_fit(self) -> Register:
        if self.longest < self.shortest:
            raise ValueError(f"got longest {self.longest}; expected at least shortest, {self.shortest}")
        for first, second in (("pronouns", "names"), ("past", "future")):
            total = getattr(self, first) + getattr(self, second)
            if total > 1:
                raise ValueError(f"got {first} and {second} that add up to {total:g}; expected at most 1")
        return self


@dataclass(frozen=True)
class Domain:
    """A kind of text: its topics and its register.

    Attributes:
        name: Small letters and digits.
        topics: Numbers of the world's topics, from 0; those that the world lacks are left out.
        register: How it speaks.
        about: One line for people.

    Raises:
        DataError: The name is no name, or there are no topics.
    """

    name: str
    topics: tuple[int, ...]
    register: Register = field(default_factory=Register)
    about: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z0-9]+", self.name):
            raise DataError(f"got domain {self.name!r}; expected a name of small letters and digits")
        if not self.topics or min(self.topics) < 0:
            raise DataError(f"domain {self.name} has topics {self.topics}; expected numbers from 0")


DOMAINS: Final[Mapping[str, Domain]] = MappingProxyType(
    {
        domain.name: domain
        for domain in (
            Domain(
                name="news",
                about="Reports: long sentences in the past, many names, no questions.",
                topics=(0, 3, 6, 9),
                register=Register(
                    conjuncts=0.2, adverbials=0.22, relatives=0.2, circumstances=0.75, questions=0.0,
                    interjections=0.0, pronouns=0.06, names=0.55, adjectives=0.4, possessors=0.2,
                    modals=0.05, past=0.8, future=0.08,
                ),
            ),
            Domain(
                name="talk",
                about="Conversation: short sentences, pronouns, questions and interjections.",
                topics=(1, 4, 7, 10),
                register=Register(
                    conjuncts=0.05, adverbials=0.05, relatives=0.02, circumstances=0.3, questions=0.3,
                    interjections=0.15, pronouns=0.65, names=0.15, adjectives=0.15, possessors=0.1,
                    negations=0.2, modals=0.18, past=0.3, future=0.2,
                ),
            ),
            Domain(
                name="guide",
                about="Explanations: definitions, what can and must be done, no names of persons.",
                topics=(2, 5, 8, 11),
                register=Register(
                    copulas=0.3, conjuncts=0.1, adverbials=0.25, relatives=0.15, questions=0.02,
                    interjections=0.0, pronouns=0.3, names=0.02, adjectives=0.45, modals=0.35,
                    past=0.05, future=0.1,
                ),
            ),
        )
    }
)  # fmt: skip
"""The domains that come with layerlab; no two of them share a topic."""


def find_domain(name: str) -> Domain:
    """Return a domain that comes with layerlab.

    >>> find_domain("talk").topics
    (1, 4, 7, 10)

    Raises:
        DataError: Unknown domain.
    """
    if name not in DOMAINS:
        raise DataError(unknown("domain", name, DOMAINS))
    return DOMAINS[name]
