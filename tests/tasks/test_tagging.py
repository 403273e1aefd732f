from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from layerlab.data.formats.conllu import UPOS
from layerlab.data.sentences import Sentence
from layerlab.errors import LabelError
from layerlab.tasks.tagging import NER, UPOS_TAGGING, entity_labels
from layerlab.tasks.task import IGNORED, Example

TREES = [
    Sentence(("mira", "gatileki", "."), upos=("NOUN", "VERB", "PUNCT")),
    Sentence(("猫", "が", "飛"), upos=("NOUN", "ADP", "VERB")),
    Sentence(("Бела", "\u200b", *["тола"] * 9), upos=("PROPN", "X", *["NOUN"] * 9)),
]
NAMES = [
    Sentence(("Bela", "mira", "тола"), entities=("B-PER", "I-PER", "O")),
    Sentence(("東", "都", "猫"), entities=("B-LOC", "I-LOC", "O")),
]


def perfect_logits(batch: dict[str, torch.Tensor], n_labels: int) -> torch.Tensor:
    return nn.functional.one_hot(batch["labels"].clamp(min=0), n_labels).float()


def test_labels_of_parts_of_speech_are_always_the_seventeen() -> None:
    assert UPOS_TAGGING.label_set(TREES[:1]) == UPOS


def test_labels_of_entities_are_the_types_of_the_source() -> None:
    assert NER.label_set(NAMES) == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert entity_labels([Sentence(("a",), entities=("I-ORG",))]) == ("O", "B-ORG", "I-ORG")


def test_labels_that_the_source_lacks_are_listed_with_counts() -> None:
    ner = NER
    labels = ner.label_set(NAMES[:1])
    with pytest.raises(
        LabelError, match=r'bb/test: labels .* B-LOC \(1\), I-LOC \(1\); .*tag_map: \{"LOC": "O"\}'
    ):
        ner.check(NAMES, labels, "bb/test")
    with pytest.raises(LabelError, match=r"B-LOC \(1\)"):
        ner.encode(NAMES, labels, None, 16)  # type: ignore[arg-type]
    ner.check(NAMES, ner.label_set(NAMES), "bb/test")


def test_sentences_without_annotation_are_refused() -> None:
    with pytest.raises(LabelError, match="cc: 2 of 2 sentences have no labels for task upos"):
        UPOS_TAGGING.check(NAMES, UPOS, "cc")


@pytest.mark.parametrize("max_length", [64, 6])
@pytest.mark.parametrize("name", ["wordpiece", "bpe"])
def test_perfect_output_scores_one_whatever_the_windows(
    name: str, max_length: int, request: pytest.FixtureRequest
) -> None:
    tokenizer = request.getfixturevalue(name)
    for task, sentences in ((UPOS_TAGGING, TREES), (NER, NAMES)):
        labels = task.label_set(sentences)
        encoded = task.encode(sentences, labels, tokenizer, max_length)
        batch = task.collate(encoded.examples, tokenizer.pad_token_id)
        decoded = task.decode(perfect_logits(batch, len(labels)), batch, encoded.examples)
        scores = task.score(sentences, labels, decoded)
        assert {score.value for score in scores} == {1.0}
        assert task.n_targets(batch) == encoded.n_words == sum(len(s.words) for s in sentences)


def test_scores_say_what_they_are_over(wordpiece: Any) -> None:
    ner = NER
    labels = ner.label_set(NAMES)
    decoded = [(0, 0, 3), (0, 1, 4), (0, 2, 3), (1, 0, 2), (1, 1, 2), (1, 2, 0)]
    scores = {score.metric: score for score in ner.score(NAMES, labels, decoded)}
    assert scores["span_f1"].value == pytest.approx(0.5)
    assert (scores["span_precision"].value, scores["span_precision"].n) == (0.5, 2)
    assert (scores["span_recall"].value, scores["span_recall"].n) == (0.5, 2)
    assert scores["span_f1_lenient"].value == pytest.approx(0.8)
    (accuracy,) = UPOS_TAGGING.score(TREES[:1], UPOS, [(0, w, UPOS.index("NOUN")) for w in range(3)])
    assert (accuracy.metric, accuracy.n) == ("accuracy", 3)
    assert accuracy.value == pytest.approx(1 / 3)


def test_a_word_without_prediction_is_no_score() -> None:
    with pytest.raises(LabelError, match="2 predictions for 3 words"):
        UPOS_TAGGING.score(TREES[:1], UPOS, [(0, 0, 0), (0, 1, 0)])
    with pytest.raises(LabelError, match="3 predictions for 3 words"):
        UPOS_TAGGING.score(TREES[:1], UPOS, [(0, 0, 0), (0, 1, 0), (0, 1, 0)])


def test_padding_is_masked_and_carries_no_label() -> None:
    batch = UPOS_TAGGING.collate(
        [Example((1, 7, 2), (IGNORED, 4, IGNORED), 0, (0,)), Example((1,), (5,), 1, (0,))], 9
    )
    assert batch["input_ids"].tolist() == [[1, 7, 2], [1, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [[IGNORED, 4, IGNORED], [5, IGNORED, IGNORED]]
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}


def test_loss_is_the_float32_sum_over_labelled_positions() -> None:
    task = UPOS_TAGGING
    logits = torch.randn(2, 3, 17, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[IGNORED, 4, 2], [5, IGNORED, IGNORED]])
    log_probabilities = logits.log_softmax(-1)
    expected = -(log_probabilities[0, 1, 4] + log_probabilities[0, 2, 2] + log_probabilities[1, 0, 5])
    torch.testing.assert_close(task.loss(logits, labels), expected)
    assert task.loss(logits.bfloat16(), labels).dtype == torch.float32
    assert float(task.loss(logits, torch.full((2, 3), IGNORED))) == 0.0


def test_head_is_drawn_from_the_global_stream_with_the_usual_moments() -> None:
    heads = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        head = UPOS_TAGGING.build_head(512, 17, 0.25)
        assert isinstance(head, nn.Sequential)
        heads.append(head)
    linear: list[Any] = [head[1] for head in heads]
    assert torch.equal(linear[0].weight, linear[1].weight)
    assert not torch.equal(linear[0].weight, linear[2].weight)
    assert linear[0].weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not linear[0].bias.any()
    assert heads[0][0].p == 0.25
    assert heads[0](torch.zeros(2, 3, 512)).shape == (2, 3, 17)
