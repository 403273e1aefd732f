"""Scores of fine-tuned models against scorers of others, and one of our own, on the same predictions."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from seqeval.metrics import f1_score as seqeval_f1
from seqeval.metrics import precision_score as seqeval_precision
from seqeval.metrics import recall_score as seqeval_recall
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score, f1_score
from transformers import AutoTokenizer

from layerlab.data.catalog.corpus import DataSpec, find_corpus, load_corpus
from layerlab.data.sentences import Corpus, Sentence
from layerlab.data.spec import Controlled
from layerlab.finetuning.evaluation import predict
from layerlab.finetuning.loop import fine_tune
from layerlab.finetuning.model import TaskModel, build_task_model
from layerlab.finetuning.training import Training
from layerlab.models.encoder import Encoder
from layerlab.models.stored.bundled import bundled_folder
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus
from layerlab.tasks.metrics.attachment import universal
from layerlab.tasks.parsing import Parsing
from layerlab.tasks.task import Task, get_task

Words = dict[tuple[int, int], Any]
Fitted = tuple[list[Any], EncodedCorpus]
# From the definition of CLAS: the 37 relations but for those of function words and punctuation.
FUNCTIONAL = {"aux", "case", "cc", "clf", "cop", "det", "mark", "punct"}
RELATIONS = ["nsubj", "nsubj:pass", "obl:tmod", "punct", "case", "det:poss", "aux:pass", "conj", "cc:preconj"]


def random_tree(stream: random.Random) -> list[tuple[int, str]]:
    """Return heads and relations of a tree whose words are attached in random order."""
    order = list(range(1, stream.randint(1, 12) + 1))
    stream.shuffle(order)
    tree = {order[0]: (0, "root")}
    for word in order[1:]:
        tree[word] = (stream.choice(list(tree)), stream.choice(RELATIONS))
    return [tree[word] for word in sorted(tree)]


def conll_scores(
    gold: Sequence[Sequence[tuple[int, str]]], system: Sequence[Sequence[tuple[int, str] | None]]
) -> dict[str, float]:
    """Score from the definition of CoNLL 2018, one word after the other.

    All scores are F1 of precision (of the system's words) and recall (of the gold words). UAS: the head is
    right; LAS: the head and the relation without subtype; CLAS: as LAS, of words whose relation is one of
    content words, in the system's tree for precision and in the gold tree for recall.
    """
    counts: Counter[str] = Counter()
    for right, given in zip(gold, system, strict=True):
        for (head, relation), arc in zip(right, given, strict=True):
            kind = relation.split(":")[0]
            counts["words"] += 1
            counts["gold content"] += kind not in FUNCTIONAL
            if arc is None:
                continue
            its_kind = arc[1].split(":")[0]
            counts["system content"] += its_kind not in FUNCTIONAL
            if arc[0] == head:
                counts["uas"] += 1
                if its_kind == kind:
                    counts["las"] += 1
                    counts["clas"] += kind not in FUNCTIONAL
    precision = counts["clas"] / max(1, counts["system content"])
    recall = counts["clas"] / max(1, counts["gold content"])
    return {
        "uas": counts["uas"] / counts["words"],
        "las": counts["las"] / counts["words"],
        "clas": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
    }


@pytest.mark.parametrize("seed", range(20))
def test_parsing_scores_of_random_trees_are_those_of_the_definition(seed: int) -> None:
    stream, parsing = random.Random(seed), Parsing()
    gold = [random_tree(stream) for _ in range(25)]
    system: list[list[tuple[int, str] | None]] = []
    for tree in gold:
        given: list[tuple[int, str] | None] = [
            (
                head if stream.random() < 0.6 else stream.randint(0, len(tree)),
                relation if stream.random() < 0.7 else stream.choice(RELATIONS),
            )
            for head, relation in tree
        ]
        n_cut = stream.choice([0, 0, 0, 2])  # words that were cut off are wrong
        system.append([*given[: len(given) - n_cut], *[None] * min(n_cut, len(given))])
    sentences = [
        Sentence(("w",) * len(tree), heads=tuple(h for h, _ in tree), relations=tuple(r for _, r in tree))
        for tree in gold
    ]
    labels = sorted({universal(relation) for relation in [*RELATIONS, "root"]})
    decoded = [
        (number, word, -1, -1) if arc is None else (number, word, arc[0], labels.index(universal(arc[1])))
        for number, given in enumerate(system)
        for word, arc in enumerate(given)
    ]
    stream.shuffle(decoded)
    scores = {score.metric: score.value for score in parsing.score(sentences, labels, decoded)}
    assert scores == pytest.approx(conll_scores(gold, system))
    assert 0 < scores["las"] < scores["uas"] < 1


@pytest.fixture(scope="module")
def fitted() -> Callable[[str, str], Fitted]:
    """A function that fine-tunes briefly on ilda, once a task, and predicts another language."""
    folder = bundled_folder("minimbert-controlled")
    assert folder is not None
    tokenizer = AutoTokenizer.from_pretrained(folder)
    data = DataSpec(controlled=Controlled(family="instrument", train=200, dev=8, test=60, seed=5))
    models: dict[str, tuple[TaskModel, tuple[str, ...]]] = {}

    def read(task: Task, language: str, split: str) -> Corpus:
        return load_corpus(find_corpus(data, task.name, task.formats, language, split))

    def fit(task: Task) -> tuple[TaskModel, tuple[str, ...]]:
        raw = {split: read(task, "ilda", split) for split in ("train", "dev")}
        labels = task.label_set(raw["train"].sentences)
        corpora = {split: encode_corpus(task, one, labels, tokenizer, 64) for split, one in raw.items()}
        model = build_task_model(Encoder.from_pretrained(str(folder)), task, len(labels), 0.1, seed=0)
        training = Training(epochs=3, learning_rate=1e-3, head_learning_rate=5e-3, batch_size=12)
        fine_tune(model, task, corpora, training, seed=0, device="cpu")
        return model, labels

    def fit_and_predict(name: str, target: str) -> Fitted:
        task = get_task(name)
        if name not in models:
            models[name] = fit(task)
        model, labels = models[name]
        corpus = encode_corpus(task, read(task, target, "test"), labels, tokenizer, 64)
        return predict(model, task, corpus, torch.device("cpu")), corpus

    return fit_and_predict


def by_place(decoded: Sequence[Any], labels: Sequence[str]) -> Words:
    """Return the tag of each word by sentence and word."""
    return {(sentence, word): labels[label] for sentence, word, label in decoded}


def rows(corpus: EncodedCorpus, found: Words) -> list[list[Any]]:
    """Return what was found as a list a sentence."""
    return [
        [found[number, word] for word in range(len(sentence.words))]
        for number, sentence in enumerate(corpus.sentences)
    ]


def scored(name: str, corpus: EncodedCorpus, decoded: Sequence[Any]) -> dict[str, float]:
    """Return what layerlab scores."""
    scores = get_task(name).score(corpus.sentences, corpus.labels, decoded)
    return {score.metric: score.value for score in scores}


@pytest.mark.parametrize("target", ["ilda", "mavu"])
def test_upos_of_a_fitted_model_is_scored_as_scikit_learn_does(
    fitted: Callable[[str, str], Fitted], target: str
) -> None:
    decoded, corpus = fitted("upos", target)
    predicted = rows(corpus, by_place(decoded, corpus.labels))
    gold = [tag for sentence in corpus.sentences for tag in sentence.upos]
    accuracy = accuracy_score(gold, [tag for row in predicted for tag in row])
    assert scored("upos", corpus, decoded) == pytest.approx({"accuracy": accuracy})
    assert 0.1 < accuracy < 1


@pytest.mark.parametrize("target", ["ilda", "mavu"])
def test_entities_of_a_fitted_model_are_scored_as_seqeval_does(
    fitted: Callable[[str, str], Fitted], target: str
) -> None:
    decoded, corpus = fitted("ner", target)
    predicted = rows(corpus, by_place(decoded, corpus.labels))
    gold = [list(sentence.entities) for sentence in corpus.sentences]
    strict: Any = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    expected = {
        "span_f1": seqeval_f1(gold, predicted, **strict),
        "span_precision": seqeval_precision(gold, predicted, **strict),
        "span_recall": seqeval_recall(gold, predicted, **strict),
        "span_f1_lenient": seqeval_f1(gold, predicted, zero_division=0),
    }
    assert scored("ner", corpus, decoded) == pytest.approx(expected)
    assert 0 < expected["span_f1"] < 1


@pytest.mark.parametrize("target", ["ilda", "mavu"])
def test_trees_of_a_fitted_model_are_scored_as_the_definition_says(
    fitted: Callable[[str, str], Fitted], target: str
) -> None:
    decoded, corpus = fitted("parsing", target)
    arcs = {(sentence, word): (head, corpus.labels[label]) for sentence, word, head, label in decoded}
    gold = [list(zip(one.heads, one.relations, strict=True)) for one in corpus.sentences]
    expected = conll_scores(gold, rows(corpus, arcs))
    assert scored("parsing", corpus, decoded) == pytest.approx(expected)
    assert 0 < expected["las"] < expected["uas"] < 1


def test_pairs_of_a_fitted_model_are_scored_as_scikit_learn_does(
    fitted: Callable[[str, str], Fitted],
) -> None:
    decoded, corpus = fitted("nli", "mavu")
    found = dict(decoded)
    predicted = [corpus.labels[found[number]] for number in range(len(corpus.sentences))]
    gold = [pair.label for pair in corpus.sentences]
    expected = {
        "accuracy": accuracy_score(gold, predicted),
        "macro_f1": f1_score(gold, predicted, average="macro"),
    }
    assert scored("nli", corpus, decoded) == pytest.approx(expected)
    assert 0 < expected["accuracy"] < 1
