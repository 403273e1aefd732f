"""Inference pairs that are balanced: each premise comes with a hypothesis of each label, alike in all else.

A premise describes somebody or something, and places it near two others that are described, too: *the dog is
small in the old house near the big tree*. A hypothesis says one of the three adjectives of one of these two,
whose opposite is another of them: *the tree is big* follows, *the tree is small* is excluded, *the tree is
old* is left open. Half of all premises have denied hypotheses, by which the first two labels change places.

So premise, lengths, denial and shared words say nothing about the label, since the three hypotheses have them
in common, and a hypothesis alone does not, since all adjectives are drawn alike. What decides is which
adjective belongs to which noun, and which are opposites. In a language whose adjectives agree with nouns,
forms still tell something: an adjective that follows agrees with the same noun in both sentences.

Reference: Gururangan et al. 2018 and Poliak et al. 2018 (hypotheses alone); McCoy et al. 2019 (shared words).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from random import Random
from typing import Final

from layerlab.languages.corpora.generate import find_speaker, find_world
from layerlab.languages.corpora.nli import LABELS, Label, Pair, said_pairs
from layerlab.languages.language import Family
from layerlab.languages.randomness import one_of, shuffled, stream
from layerlab.languages.speech.realisation import Said
from layerlab.languages.world.entailment import antonym, assertion, deny
from layerlab.languages.world.grammar import documents
from layerlab.languages.world.meaning import Clause, Nominal
from layerlab.languages.world.world import World, numbered

_KINDS: Final[dict[Label, str]] = {
    "entailment": "same adjective",
    "contradiction": "opposite",
    "neutral": "other adjective",
}
_IF_DENIED: Final[dict[Label, Label]] = {
    "entailment": "contradiction",
    "contradiction": "entailment",
    "neutral": "neutral",
}


def generate_balanced_pairs(
    language: str, n_pairs: int, seed: int | str = 0, *, family: Family | None = None
) -> Iterator[Pair[Said]]:
    """Return ``n_pairs`` balanced pairs of a language; every three of them have the three labels.

    Raises:
        DataError: The family has no such language.

    >>> pairs = list(generate_balanced_pairs("avin", 3))
    >>> sorted(pair.label for pair in pairs), len({pair.premise.text for pair in pairs})
    (['contradiction', 'entailment', 'neutral'], 1)
    """
    speaker, world = find_speaker(language, family), find_world(family)
    return said_pairs(speaker, islice(balanced_meanings(world, seed), n_pairs), seed)


def balanced_meanings(world: World, seed: int | str = 0) -> Iterator[Pair[Clause]]:
    """Yield pairs of meanings without end; every three have one premise and the three labels."""
    for number, document in enumerate(documents(world, f"{seed}-balanced-nli")):
        random = stream("balanced-nli", world.size.seed, seed, number)
        subject = _subject(document, random)
        if subject is None:
            continue
        adjectives = _adjectives(world, random)
        premise, described = _describe(world, subject, adjectives, random)
        denied = random.random() < 0.5
        for label in shuffled(random, LABELS):
            asserted = _IF_DENIED[label] if denied else label
            claim = Clause(adjectives[asserted], described)
            kind = _KINDS[asserted]
            yield Pair(premise, deny(claim) if denied else claim, label, f"not {kind}" if denied else kind)


def _subject(document: tuple[Clause, ...], random: Random) -> Nominal | None:
    """Choose a person or thing that is known to the hearer; None if there is none."""
    claims = [claim for clause in document if (claim := assertion(clause)) is not None]
    certain = [
        replace(subject, adjectives=(), degree="", relative=None, gap="")
        for claim in claims
        if (subject := claim.subject) is not None and subject.conjunct is None
        if subject.kind == "name" or (subject.kind == "noun" and subject.definite and not subject.determiner)
    ]
    return one_of(random, certain) if certain else None


def _adjectives(world: World, random: Random) -> dict[Label, str]:
    """Draw what is said of a thing, its opposite, and what is neither; all adjectives are equally likely."""
    paired = [name for name in numbered("ADJ", world.size.adjectives) if antonym(world, name)]
    predicate = one_of(random, paired)
    turned = antonym(world, predicate)
    free = one_of(random, [name for name in paired if name not in (predicate, turned)])
    return {"entailment": predicate, "contradiction": turned, "neutral": free}


def _describe(
    world: World, subject: Nominal, adjectives: dict[Label, str], random: Random
) -> tuple[Clause, Nominal]:
    """Return a premise, and the thing in it that hypotheses are about."""
    verbs = list(world.verbs.values())
    predicate, beside = shuffled(random, [adjectives["contradiction"], adjectives["neutral"]])
    given = [adjectives["entailment"], beside]
    places: dict[str, Nominal] = {}
    while len(places) < len(given):
        relation, category = one_of(random, verbs).roles.draw(random)
        noun = world.by_category[category].draw(random)
        known = {subject.concept, *(place.concept for place in places.values())}
        if relation not in places and noun not in known:
            places[relation] = Nominal(noun, adjectives=(given[len(places)],))
    described = next(iter(places.values()))
    circumstances = tuple(shuffled(random, list(places.items())))
    return Clause(predicate, subject, circumstances=circumstances), replace(described, adjectives=())
