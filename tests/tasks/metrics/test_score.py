"""What each sentence contributes: sums give the reported score, of the corpus and of any resample of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from sklearn.metrics import f1_score as label_f1

from layerlab.data.formats.conllu import UPOS
from layerlab.data.pairs import Pair
from layerlab.data.sentences import Sentence
from layerlab.tasks.classification import INFERENCE_LABELS, NLI
from layerlab.tasks.metrics.score import Counts, count_macro_f1, count_ratio
from layerlab.tasks.parsing import Parsing
from layerlab.tasks.tagging import NER, UPOS_TAGGING
from layerlab.tasks.task import Score, Task

TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
RELATIONS = ("case", "nsubj", "obl", "punct", "root")
Corpus = tuple[Task, Sequence[Any], tuple[str, ...], list[list[tuple[int, ...]]]]


def invented(name: str, seed: int = 0, n: int = 60) -> Corpus:
    """A task, sentences, labels, and for each sentence predictions without the number of the sentence."""
    stream = random.Random(f"{name}-{seed}")
    sentences: list[Any] = []
    predicted: list[list[tuple[int, ...]]] = []
    for _ in range(n):
        size = stream.randint(1, 9)
        words = tuple("w" * size)
        if name == "upos":
            sentences.append(Sentence(words, upos=tuple(stream.choices(UPOS, k=size))))
            predicted.append(
                [
                    (w, UPOS.index(tag) if stream.random() < 0.7 else stream.randrange(len(UPOS)))
                    for w, tag in enumerate(sentences[-1].upos)
                ]
            )
        elif name == "ner":
            entities = tuple(stream.choices(TAGS, (6, 1, 0, 1, 1), k=size))
            sentences.append(Sentence(words, entities=entities))
            predicted.append(
                [
                    (w, TAGS.index(tag) if stream.random() < 0.8 else stream.randrange(len(TAGS)))
                    for w, tag in enumerate(entities)
                ]
            )
        elif name == "parsing":
            heads = tuple(stream.randint(0, size) for _ in words)
            sentences.append(Sentence(words, heads=heads, relations=tuple(stream.choices(RELATIONS, k=size))))
            predicted.append(
                [(w, stream.choice((heads[w], -1, 0)), stream.randrange(len(RELATIONS))) for w in range(size)]
            )
        else:
            sentences.append(Pair("a", "b", stream.choice(INFERENCE_LABELS)))
            predicted.append([(stream.randrange(3),)])
    made: dict[str, tuple[Task, tuple[str, ...]]] = {
        "upos": (UPOS_TAGGING, UPOS),
        "ner": (NER, TAGS),
        "parsing": (Parsing(), RELATIONS),
        "nli": (NLI, INFERENCE_LABELS),
    }
    return *made[name][:1], sentences, made[name][1], predicted


def score(corpus: Corpus, order: Sequence[int]) -> list[Score]:
    """The scores of the task on the chosen sentences, which may repeat."""
    task, sentences, labels, predicted = corpus
    decoded = [(place, *one) for place, index in enumerate(order) for one in predicted[index]]
    return task.score([sentences[index] for index in order], labels, decoded)


@pytest.mark.parametrize("name", ["upos", "ner", "parsing", "nli"])
def test_the_summed_counts_are_the_reported_score_of_every_metric(name: str) -> None:
    corpus = invented(name)
    scores = score(corpus, range(60))
    assert 0 < scores[0].value < 1
    for one in scores:
        assert one.counts is not None, one.metric
        assert one.counts.value == one.value
        assert {len(row) for row in (*one.counts.hits, *one.counts.total)} == {60}
        hits, total = np.array(one.counts.hits).sum(axis=1), np.array(one.counts.total).sum(axis=1)
        assert one.value == pytest.approx((hits / total).mean(), abs=1e-15)


@pytest.mark.parametrize("name", ["upos", "ner", "parsing", "nli"])
def test_counts_of_drawn_sentences_give_the_score_of_the_drawn_corpus(name: str) -> None:
    corpus = invented(name, seed=1)
    whole = {one.metric: one.counts for one in score(corpus, range(60))}
    stream = random.Random(3)
    for _ in range(5):
        drawn = stream.choices(range(60), k=60)
        for one in score(corpus, drawn):
            counts = whole[one.metric]
            assert counts is not None
            again = Counts(
                tuple(tuple(row[index] for index in drawn) for row in counts.hits),
                tuple(tuple(row[index] for index in drawn) for row in counts.total),
            )
            assert again.value == pytest.approx(one.value, abs=1e-12), one.metric


def test_the_counts_of_entities_are_those_that_seqeval_sees_in_a_sentence() -> None:
    _, sentences, labels, predicted = corpus = invented("ner", seed=2)
    f1 = score(corpus, range(60))[0]
    assert f1.counts is not None
    for index, sentence in enumerate(sentences):
        tags = [labels[label] for _, label in predicted[index]]
        hits, total = f1.counts.hits[0][index], f1.counts.total[0][index]
        if any(tag.startswith("B-") for tag in (*sentence.entities, *tags)):
            expected = f1_score(
                [list(sentence.entities)], [tags], mode="strict", scheme=IOB2, zero_division=0
            )
            assert (hits / total if total else 0.0) == pytest.approx(expected)
        else:
            assert (hits, total) == (0, 0)


def test_macro_f1_has_a_part_for_every_label_that_occurs() -> None:
    gold, predicted = ["a", "b", "c", "a"], ["a", "c", "d", "b"]
    counts = count_macro_f1(gold, predicted)
    assert len(counts.hits) == 4
    assert counts.value == pytest.approx(label_f1(gold, predicted, average="macro"))


def test_nothing_to_count_is_no_score() -> None:
    assert count_ratio([]).value == count_ratio([(0, 0)]).value == count_macro_f1([], []).value == 0.0


def test_counts_are_no_part_of_what_a_score_is() -> None:
    assert Score("accuracy", 0.5, 2, count_ratio([(1, 2)])) == Score("accuracy", 0.5, 2)
