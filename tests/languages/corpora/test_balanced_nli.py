"""Balanced inference pairs: labels are right, and nothing but the meaning of the pair gives them away."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from layerlab.data.pairs import digest_pairs
from layerlab.languages.corpora.balanced_nli import balanced_meanings, generate_balanced_pairs
from layerlab.languages.corpora.generate import find_world
from layerlab.languages.corpora.nli import LABELS, Pair
from layerlab.languages.corpora.on_demand import speak_pairs
from layerlab.languages.speech.realisation import Said
from layerlab.languages.world.entailment import antonym
from layerlab.languages.world.meaning import Clause
from layerlab.study.study import Study

WORLD = find_world(None)
MEANINGS = list(islice(balanced_meanings(WORLD), 600))
N_TRAIN, N_TEST = 900, 600
# Three standard errors of a third over the test pairs.
CHANCE = 1 / 3 + 3 * (2 / 9 / N_TEST) ** 0.5


def label_of(pair: Pair[Clause]) -> str:
    """Say what the premise says about the hypothesis, by the adjective of the thing that both are about."""
    assert not pair.premise.negated
    about = pair.hypothesis.subject
    assert about is not None
    (there,) = (place for _, place in pair.premise.circumstances if place.concept == about.concept)
    said, asked = there.adjectives[0], pair.hypothesis.predicate
    if asked == said:
        return "contradiction" if pair.hypothesis.negated else "entailment"
    if asked == antonym(WORLD, said):
        return "entailment" if pair.hypothesis.negated else "contradiction"
    return "neutral"


def test_labels_are_those_that_adjectives_give() -> None:
    assert all(label_of(pair) == pair.label for pair in MEANINGS)
    assert min(Counter((pair.label, pair.hypothesis.negated) for pair in MEANINGS).values()) > 70


def test_three_pairs_have_one_premise_and_are_alike_in_all_but_an_adjective() -> None:
    for first in range(0, len(MEANINGS), 3):
        three = MEANINGS[first : first + 3]
        assert {pair.label for pair in three} == set(LABELS)
        assert len({pair.premise for pair in three}) == 1
        assert len({pair.hypothesis.negated for pair in three}) == 1
        assert len({pair.hypothesis.subject for pair in three}) == 1
        said = {pair.hypothesis.predicate for pair in three}
        assert said == {
            three[0].premise.predicate,
            *(adjective for _, place in three[0].premise.circumstances for adjective in place.adjectives),
        }


def shared_words(pair: Pair[Said]) -> list[int]:
    ours, theirs = Counter(pair.premise.sentence.words), Counter(pair.hypothesis.sentence.words)
    return [ours.total(), theirs.total(), (ours & theirs).total(), (theirs - ours).total()]


@pytest.mark.parametrize(("name", "agrees"), [("avin", False), ("belo", True)])
def test_baselines_are_at_chance(name: str, agrees: bool) -> None:
    pairs = list(generate_balanced_pairs(name, N_TRAIN + N_TEST))
    labels = [pair.label for pair in pairs]
    views = {"words": np.array([shared_words(pair) for pair in pairs])}
    for part in ("premise", "hypothesis"):
        texts = [" ".join(getattr(pair, part).sentence.words) for pair in pairs]
        views[part] = CountVectorizer(token_pattern=r"\S+", min_df=2).fit_transform(texts)
    forest = RandomForestClassifier(60, min_samples_leaf=2, random_state=0)
    for view, features in views.items():
        for model in (LogisticRegression(max_iter=1_000), forest):
            score = model.fit(features[:N_TRAIN], labels[:N_TRAIN]).score(
                features[N_TRAIN:], labels[N_TRAIN:]
            )
            # Where adjectives agree with nouns, one that follows agrees with the same noun as in the premise.
            bound = 0.52 if agrees and view == "words" else CHANCE
            assert score < bound, (view, type(model).__name__)


def test_a_plan_says_that_plain_pairs_give_labels_away(tiny_encoder: Path) -> None:
    def notes(kind: str) -> str:
        controlled = {"family": "instrument", "train": 9, "dev": 3, "test": 3, "nli": kind}
        fields = {"name": "x", "models": [str(tiny_encoder)], "tasks": ["nli"], "sources": ["ilda"]}
        study = Study.model_validate({**fields, "targets": ["jora"], "data": {"controlled": controlled}})
        return "\n".join(study.plan(check=False).notes)

    assert "give a part of the label away" in notes("plain")
    assert "label" not in notes("balanced")


def test_pairs_are_parallel_and_identities_tell_both_kinds_apart() -> None:
    ours, theirs = (list(generate_balanced_pairs(name, 30, 5)) for name in ("avin", "gori"))
    assert [(one.label, one.pair_id) for one in ours] == [(one.label, one.pair_id) for one in theirs]
    plain, balanced = (speak_pairs("avin", "dev", 30, 0, None, balanced=kind) for kind in (False, True))
    assert digest_pairs(plain) != digest_pairs(balanced)
    assert digest_pairs(balanced) == digest_pairs(speak_pairs("avin", "dev", 30, 0, None, balanced=True))
