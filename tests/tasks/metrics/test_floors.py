"""Floors against all constant answers, scored by the metrics themselves."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from layerlab.tasks.metrics.attachment import attachment_scores
from layerlab.tasks.metrics.floors import chain_floors, commonest_macro_f1, commonest_share
from layerlab.tasks.metrics.score import count_macro_f1
from layerlab.tasks.tagging import entity_scores, upos_scores

RELATIONS = ("nsubj", "obj", "det", "punct", "obl:agent")


def test_no_constant_tag_is_above_the_floor_and_one_reaches_it() -> None:
    rng = random.Random(1)
    gold = [tuple(rng.choices(("NOUN", "VERB", "ADP"), (5, 3, 2), k=rng.randint(1, 9))) for _ in range(20)]
    (score,) = upos_scores(gold, gold)
    reached = [
        upos_scores(gold, [[tag] * len(one) for one in gold])[0].value for tag in ("NOUN", "VERB", "ADP")
    ]
    assert score.floor == max(reached)


def test_the_commonest_label_gives_the_floor_of_accuracy_and_macro_f1() -> None:
    gold = ["a"] * 5 + ["b"] * 3 + ["c"]
    assert commonest_share(gold) == 5 / 9
    assert commonest_macro_f1(gold) == pytest.approx(count_macro_f1(gold, ["a"] * 9).value)
    assert commonest_share([]) == commonest_macro_f1([]) == 0.0


def test_entities_have_the_floor_of_finding_nothing() -> None:
    gold = [("B-PER", "I-PER", "O", "O", "O")]
    floors = {score.metric: score.floor for score in entity_scores(gold, [("O",) * 5])}
    assert floors == {"span_f1": 0.0, "span_f1_lenient": 0.0, "span_precision": None, "span_recall": None}


def test_the_floor_of_trees_is_that_of_the_best_chain_with_one_relation() -> None:
    rng = random.Random(2)
    trees = [
        [
            (rng.choice((place - 1, place + 1 if place < n else 0)), rng.choice(RELATIONS))
            for place in range(1, n + 1)
        ]
        for n in (1, 4, 7, 3)
    ]
    heads: tuple[Callable[[int, int], int], ...] = (
        lambda place, n: place - 1,
        lambda place, n: (place + 1) % (n + 1),
    )
    found = [
        attachment_scores(
            trees,
            [[(of(place, len(tree)), relation) for place in range(1, len(tree) + 1)] for tree in trees],
        )
        for of in heads
        for relation in RELATIONS
    ]
    best = (max(one.las for one in found), max(one.uas for one in found), max(one.clas for one in found))
    assert chain_floors(trees) == pytest.approx(best)
    assert chain_floors([]) == (0.0, 0.0, 0.0)
