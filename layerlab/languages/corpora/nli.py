"""Natural language inference: pairs of sentences whose label follows from how their meanings were made.

The hypothesis is made first, independently of the label, and half of all hypotheses are denied. Then a
premise is made for the label. So the hypothesis alone says nothing about the label, but the premise says
something (a linear classifier gets 42 % of three labels), and so do lengths and shared words (50 to 60 %);
``balanced_nli`` is without that. With a hypothesis H, S
stronger and W weaker than H (see ``world.entailment``), and O about something else, the premises are:

============== ===================== ====================
label          of H                  of not H
============== ===================== ====================
entailment     S                     not W, or opposite H
contradiction  not W, or opposite H  S
neutral        W, not S, O, not O    W, not S, O, not O
============== ===================== ====================

Equal seeds give pairs of equal meanings in all languages.

Reference: Conneau et al. 2018, XNLI (parallel test sets); Gururangan et al. 2018 and Poliak et al. 2018 (what
hypotheses alone give away in data written by people).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from random import Random
from typing import Final, Generic, Literal, TypeVar

from layerlab.languages.corpora.generate import find_speaker, find_world
from layerlab.languages.language import Family
from layerlab.languages.randomness import one_of, shuffled, stream
from layerlab.languages.speech.realisation import Said, say
from layerlab.languages.speech.speaker import Speaker, Voice
from layerlab.languages.world.entailment import assertion, deny, opposite, other, stronger, weaker
from layerlab.languages.world.grammar import documents
from layerlab.languages.world.meaning import Clause
from layerlab.languages.world.world import World

Label = Literal["entailment", "neutral", "contradiction"]

T = TypeVar("T", Clause, Said)

LABELS: Final[tuple[Label, ...]] = ("entailment", "neutral", "contradiction")


@dataclass(frozen=True)
class Pair(Generic[T]):
    """Two meanings, or two sentences that say them, and what the first says about the second.

    Attributes:
        premise: What is given.
        hypothesis: What is asked.
        label: ``entailment``, ``neutral`` or ``contradiction``.
        premise_kind: ``stronger``, ``weaker``, ``opposite`` or ``other``, with ``not`` before it if denied.
        pair_id: Equal in all languages; empty for meanings.
    """

    premise: T
    hypothesis: T
    label: Label
    premise_kind: str
    pair_id: str = ""


def generate_pairs(
    language: str, n_pairs: int, seed: int | str = 0, *, family: Family | None = None
) -> Iterator[Pair[Said]]:
    """Return ``n_pairs`` pairs of a language; every three of them have the three labels.

    Raises:
        DataError: The family has no such language.

    >>> sorted(pair.label for pair in generate_pairs("avin", 3))
    ['contradiction', 'entailment', 'neutral']
    """
    speaker, world = find_speaker(language, family), find_world(family)
    return said_pairs(speaker, islice(meaning_pairs(world, seed), n_pairs), seed)


def meaning_pairs(world: World, seed: int | str = 0) -> Iterator[Pair[Clause]]:
    """Yield pairs of meanings without end."""
    labels: list[Label] = []
    for number, document in enumerate(documents(world, f"{seed}-nli")):
        random = stream("nli", world.size.seed, seed, number)
        labels = labels or shuffled(random, LABELS)
        pair = _pair(world, assertion(_sentence(document, random)), labels[-1], random)
        if pair is not None:
            labels.pop()
            yield pair


def _sentence(document: tuple[Clause, ...], random: Random) -> Clause:
    """Choose a sentence, preferably one that describes something: only these have opposites."""
    descriptions = [clause for clause in document if clause.predicate.startswith("ADJ")]
    return one_of(random, descriptions if descriptions and random.random() < 0.3 else document)


def said_pairs(speaker: Speaker, pairs: Iterable[Pair[Clause]], seed: int | str) -> Iterator[Pair[Said]]:
    """Yield pairs of meanings as a language says them."""
    for number, pair in enumerate(pairs):
        name = f"{seed}-nli-{number}"
        premise, hypothesis = (
            say(Voice(speaker, stream("voice", speaker.name, name, part)), meaning, f"{name}-{part}")
            for part, meaning in (("premise", pair.premise), ("hypothesis", pair.hypothesis))
        )
        yield Pair(premise, hypothesis, pair.label, pair.premise_kind, name)


def _pair(world: World, claim: Clause | None, label: Label, random: Random) -> Pair[Clause] | None:
    """Make a pair of a claim; all premises must be possible, or labels would depend on the claim."""
    if claim is None:
        return None
    less, more, else_ = weaker(world, claim), stronger(world, claim, random), other(world, claim, random)
    if not less or not more or not else_:
        return None
    doubly_less = partial(_twice, less, partial(weaker, world), random)
    doubly_more = partial(_twice, more, partial(stronger, world, random=random), random)
    turned, denied = opposite(world, claim), random.random() < 0.5
    premises: list[tuple[str, Clause]]
    if label == "neutral":
        premises = [
            ("weaker", doubly_less()),
            ("not stronger", deny(doubly_more())),
            ("other", one_of(random, else_)),
            ("not other", deny(one_of(random, else_))),
        ]
    elif (label == "entailment") != denied:
        premises = [("stronger", doubly_more())]
    else:
        premises = [("not weaker", deny(doubly_less()))]
        if turned is not None:
            premises.append(("opposite", turned))
    kind, premise = one_of(random, premises)
    return Pair(premise, deny(claim) if denied else claim, label, kind)


def _twice(clauses: list[Clause], change: Callable[[Clause], list[Clause]], random: Random) -> Clause:
    """Choose a changed clause, and half the time one that is changed once more."""
    clause = one_of(random, clauses)
    further = change(clause)
    return one_of(random, further) if further and random.random() < 0.5 else clause
