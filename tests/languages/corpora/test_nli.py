from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from layerlab.errors import DataError
from layerlab.languages.corpora.generate import find_world
from layerlab.languages.corpora.nli import LABELS, Label, Pair, generate_pairs, meaning_pairs
from layerlab.languages.family import known_languages
from layerlab.languages.world.meaning import Clause, Nominal

WORLD = find_world()
GENERAL = {category: nouns.items[0] for category, nouns in WORLD.by_category.items()}


@functools.cache
def pairs() -> tuple[Pair[Clause], ...]:
    return tuple(islice(meaning_pairs(WORLD, "test"), 4500))


Fact = tuple[str, ...]


def facts(clause: Clause) -> set[Fact]:
    """Give the conditions of an undenied clause, those that its words imply too."""
    found: set[Fact] = {("predicate", clause.predicate), ("how", clause.modal, clause.tense)}
    found |= {("adverb", adverb) for adverb in clause.adverbs}
    found |= {("complement", repr(clause.complement))}
    for role, nominal in _roles(clause):
        found |= {("there is", role)} | {(role, *fact) for fact in _facts_of(nominal)}
    return found


def _roles(clause: Clause) -> Iterator[tuple[str, Nominal]]:
    parts = ("subject", clause.subject), ("object", clause.object), ("attribute", clause.attribute)
    for role, nominal in (*parts, *clause.circumstances):
        if nominal is not None:
            yield role, nominal


def _facts_of(nominal: Nominal) -> Iterator[Fact]:
    if nominal.conjunct is not None or nominal.kind == "pronoun":
        yield ("is", repr(nominal))
        return
    if nominal.entity:
        yield ("is", repr(nominal))
        yield ("is", GENERAL[{"PER": "person", "LOC": "place", "ORG": "group"}[nominal.entity]])
        return
    yield ("is", nominal.concept)
    yield ("is", GENERAL[WORLD.nouns[nominal.concept].category])
    for adjective in nominal.adjectives:
        yield ("is", adjective)
    for part in ("degree", "numeral", "possessor", "relative"):
        if getattr(nominal, part):
            yield (part, repr(getattr(nominal, part)))


def label_of(pair: Pair[Clause]) -> Label:
    """Find the label by comparing conditions."""
    premise, hypothesis = pair.premise, pair.hypothesis
    given, asked = facts(premise), facts(hypothesis)
    if premise.negated == hypothesis.negated:
        follows = asked <= given if not premise.negated else given <= asked
        denied = not premise.negated and _opposite(premise, hypothesis)
    else:
        follows = hypothesis.negated and _opposite(premise, hypothesis)
        denied = asked <= given if hypothesis.negated else given <= asked
    assert not (follows and denied)
    return "entailment" if follows else "contradiction" if denied else "neutral"


def _opposite(premise: Clause, hypothesis: Clause) -> bool:
    first, second = premise.predicate, hypothesis.predicate
    if not first.startswith("ADJ") or not second.startswith("ADJ") or premise.subject != hypothesis.subject:
        return False
    return {int(first[4:]), int(second[4:])} in ({n, n + 1} for n in range(0, 80, 2))


def test_labels_are_those_that_comparing_conditions_gives() -> None:
    wrong = [
        (pair.label, pair.premise_kind, label_of(pair)) for pair in pairs() if label_of(pair) != pair.label
    ]
    assert Counter(wrong) == Counter()


def test_labels_are_balanced_in_every_three() -> None:
    for first in range(0, len(pairs()), 3):
        assert {pair.label for pair in pairs()[first : first + 3]} == set(LABELS)


def test_every_kind_of_premise_occurs() -> None:
    counts = Counter((pair.label, pair.premise_kind) for pair in pairs())
    assert set(counts) == {
        *((label, kind) for label in ("entailment", "contradiction") for kind in ("stronger", "not weaker")),
        *((label, "opposite") for label in ("entailment", "contradiction")),
        *(("neutral", kind) for kind in ("weaker", "not stronger", "other", "not other")),
    }
    assert min(counts.values()) > 20


def test_half_of_premises_and_hypotheses_are_denied_whatever_the_label() -> None:
    for label in LABELS:
        chosen = [pair for pair in pairs() if pair.label == label]
        for part in ("premise", "hypothesis"):
            assert sum(getattr(pair, part).negated for pair in chosen) / len(chosen) == pytest.approx(
                0.5, abs=0.06
            )


@pytest.mark.parametrize("name", ["avin", "eshe"])
def test_hypotheses_alone_give_nothing_away(name: str) -> None:
    pairs = list(generate_pairs(name, 4500, "test"))
    texts, labels = (
        [" ".join(pair.hypothesis.sentence.words) for pair in pairs],
        [pair.label for pair in pairs],
    )
    counts = CountVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), min_df=3).fit_transform(texts)
    for strength in (0.01, 1.0):
        model = LogisticRegression(C=strength, max_iter=2000).fit(counts[:3000], labels[:3000])
        # Chance is a third; 1,500 pairs leave it a standard error of 1.2 points.
        assert model.score(counts[3000:], labels[3000:]) < 0.375


def test_pairs_are_parallel_over_languages() -> None:
    expected = list(generate_pairs("avin", 40, 5))
    for name in known_languages()[1:]:
        for ours, theirs in zip(expected, generate_pairs(name, 40, 5), strict=True):
            assert (ours.pair_id, ours.label, ours.premise_kind) == (
                theirs.pair_id,
                theirs.label,
                theirs.premise_kind,
            )
            for first, second in ((ours.premise, theirs.premise), (ours.hypothesis, theirs.hypothesis)):
                kept = [
                    Counter(c for c in said.concepts if c.startswith(("NOUN", "VERB", "NAME", "ADJ")))
                    for said in (first, second)
                ]
                assert kept[0] == kept[1]


@pytest.mark.parametrize("name", known_languages())
def test_premise_and_hypothesis_differ_in_words(name: str) -> None:
    same = sum(
        pair.premise.sentence.words == pair.hypothesis.sentence.words for pair in generate_pairs(name, 500)
    )
    # Homographs of "not", if there are any, can hide a negation.
    assert same <= 5


def test_one_seed_gives_the_same_pairs_and_a_shorter_call_their_beginning() -> None:
    assert list(generate_pairs("gori", 30, 1))[:10] == list(generate_pairs("gori", 10, 1))
    assert list(generate_pairs("gori", 10, 1)) != list(generate_pairs("gori", 10, 2))


def test_an_unknown_language_is_told() -> None:
    with pytest.raises(DataError, match="unknown controlled language 'avni'"):
        generate_pairs("avni", 3)
