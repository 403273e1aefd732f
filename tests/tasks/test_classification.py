from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch import nn
from transformers import BertConfig, BertModel, ModernBertConfig, ModernBertModel

from layerlab.data.pairs import Pair
from layerlab.data.sentences import Sentence
from layerlab.errors import DataError, LabelError
from layerlab.finetuning.model import TaskModel, forward_batch
from layerlab.tasks.classification import (
    INFERENCE_LABELS,
    NLI,
    PAWSX,
    XNLI,
    Pairs,
)
from layerlab.tasks.encoding.pair_inputs import PairExample, encode_pairs, find_frame, longest_first
from layerlab.tasks.heads.linear import PairHead
from layerlab.tasks.task import get_task, known_tasks

PAIRS = [
    Pair("mira tola.", "mira gatileki pesaruna, Bela [SEP] tola.", "entailment"),
    Pair("猫 が 飛 ぶ", "мира гатилеки пестола мира мира тола", "neutral"),
    Pair("miraru tolani lekipesa gati 10 000 mira tola", "xabc", "contradiction"),
    Pair("тола", "", "neutral"),
]


def test_the_tasks_are_registered() -> None:
    assert {"nli", "xnli", "pawsx"} <= set(known_tasks())
    assert (get_task("xnli"), get_task("pawsx")) == (XNLI, PAWSX)
    assert XNLI.label_set(PAIRS[:1]) == INFERENCE_LABELS
    assert Pairs("own").label_set(PAIRS) == ("contradiction", "entailment", "neutral")


@pytest.mark.parametrize("name", ["wordpiece", "bpe", "bpe_with_space"])
@pytest.mark.parametrize("max_length", [64, 17, 12, 7])
def test_inputs_are_those_of_the_tokenizer_itself(
    name: str, max_length: int, request: pytest.FixtureRequest
) -> None:
    tokenizer = request.getfixturevalue(name)
    pairs = [pair for pair in PAIRS if "[SEP]" not in pair.second]
    theirs = tokenizer(
        [pair.first for pair in pairs],
        [pair.second for pair in pairs],
        truncation="longest_first",
        max_length=max_length,
        return_token_type_ids=True,
    )
    ours = encode_pairs(pairs, [0] * len(pairs), tokenizer, max_length)
    assert [list(one.input_ids) for one in ours] == theirs["input_ids"]
    assert [list(one.token_type_ids) for one in ours] == theirs["token_type_ids"]
    if max_length == 7:
        assert any(one.n_cut for one in ours)


def test_names_of_special_tokens_in_a_text_are_text(wordpiece: Any) -> None:
    (one, *_) = encode_pairs(PAIRS, [0, 1, 2, 1], wordpiece, 64)
    assert one.input_ids.count(wordpiece.sep_token_id) == 2


def test_frames_follow_the_architecture(wordpiece: Any, bpe: Any, bos_eos: Any) -> None:
    cls, sep = wordpiece.cls_token_id, wordpiece.sep_token_id
    frame = find_frame(wordpiece)
    assert (frame.before, frame.middle, frame.after) == ((cls,), (sep,), (sep,))
    assert frame.types == (0, 0, 0, 1, 1)
    assert find_frame(bpe).middle == (bpe.sep_token_id,) * 2
    assert find_frame(bpe).n_special == 4
    plain = find_frame(bos_eos)  # without a rule for pairs
    assert (plain.before, plain.middle) == ((bos_eos.bos_token_id,), (bos_eos.eos_token_id,))


def test_the_longer_text_is_cut_first() -> None:
    for n_first in range(12):
        for n_second in range(12):
            kept = [n_first, n_second]  # by the definition: one after the other from the longer
            while sum(kept) > 8:
                kept[int(kept[1] > kept[0] or (kept[1] == kept[0] and n_second < n_first))] -= 1
            assert sorted(longest_first(n_first, n_second, 8)) == sorted(kept)


def test_pairs_that_were_cut_are_counted(wordpiece: Any) -> None:
    lengths = [len(one.input_ids) for one in encode_pairs(PAIRS, [0, 1, 2, 1], wordpiece, 64)]
    encoded = NLI.encode(PAIRS, INFERENCE_LABELS, wordpiece, 12)
    assert encoded.counts == {"n_pairs": 4, "n_cut_pairs": sum(n > 12 for n in lengths)}
    assert 0 < encoded.counts["n_cut_pairs"] < 4
    assert max(len(example.input_ids) for example in encoded.examples) == 12
    with pytest.raises(DataError, match="max_length 4 leaves no room for two texts"):
        NLI.encode(PAIRS, INFERENCE_LABELS, wordpiece, 4)


@pytest.mark.parametrize("name", ["wordpiece", "bpe", "bos_eos"])
def test_perfect_output_scores_one(name: str, request: pytest.FixtureRequest) -> None:
    encoded = NLI.encode(PAIRS, INFERENCE_LABELS, request.getfixturevalue(name), 64)
    batch = NLI.collate(encoded.examples, 0)
    decoded = NLI.decode(nn.functional.one_hot(batch["labels"], 3).float(), batch, encoded.examples)
    scores = NLI.score(PAIRS, INFERENCE_LABELS, decoded)
    assert [(s.metric, s.value, s.n) for s in scores] == [("accuracy", 1.0, 4), ("macro_f1", 1.0, 4)]
    assert NLI.n_targets(batch) == 4


@pytest.mark.parametrize("labels", [("a", "b", "c"), ("a", "b"), ("a",)])
def test_scores_agree_with_scikit_learn(labels: tuple[str, ...]) -> None:
    stream = random.Random(len(labels))
    for n in (1, 3, 40):
        gold, predicted = ([stream.choice(labels) for _ in range(n)] for _ in range(2))
        pairs = [Pair("x", "y", label) for label in gold]
        decoded = [(index, "abc".index(label)) for index, label in enumerate(predicted)]
        stream.shuffle(decoded)
        accuracy, f1 = NLI.score(pairs, "abc", decoded)
        assert accuracy.value == pytest.approx(accuracy_score(gold, predicted))
        assert f1.value == pytest.approx(f1_score(gold, predicted, average="macro"))
        assert (accuracy.n, f1.n) == (n, n)
    assert [score.value for score in NLI.score([], "abc", [])] == [0.0, 0.0]


def test_a_pair_without_prediction_is_no_score() -> None:
    for decoded in ([(0, 1)], [(0, 1), (0, 2)], [(0, 1), (1, 1), (1, 1)]):
        with pytest.raises(LabelError, match=f"{len(decoded)} predictions for 2 pairs: expected one a pair"):
            NLI.score(PAIRS[:2], INFERENCE_LABELS, decoded)


def test_labels_that_the_task_lacks_are_listed_with_what_would_mend_it() -> None:
    with pytest.raises(
        LabelError,
        match=r"de/test: labels that task xnli does not have: contradictory \(2\); it has entailment, .*"
        r'tag_map: \{"contradictory": "contradiction"\}',
    ):
        XNLI.check([Pair("a", "b", "contradictory")] * 2, INFERENCE_LABELS, "de/test")
    with pytest.raises(LabelError, match=r'tag_map: \{"0": "entailment", "2": "contradiction"\}'):
        NLI.check([Pair("a", "b", label) for label in "02"], INFERENCE_LABELS, "x")
    with pytest.raises(LabelError, match=r"it has entailment, neutral, contradiction$"):
        NLI.check([Pair("a", "b", label) for label in "026"], INFERENCE_LABELS, "x")
    with pytest.raises(LabelError, match="labels that the source does not have: maybe"):
        Pairs("own").check([Pair("a", "b", "maybe")], ("no", "yes"), "x")
    with pytest.raises(LabelError, match="labels that task nli does not have: 1"):
        NLI.encode([Pair("a", "b", "1")], INFERENCE_LABELS, None, 16)  # type: ignore[arg-type]


def test_what_is_no_pair_and_a_single_label_are_refused() -> None:
    with pytest.raises(LabelError, match="x: task nli takes pairs of sentences, got a Sentence"):
        NLI.check([Sentence(("a",))], INFERENCE_LABELS, "x")  # type: ignore[list-item]
    own = Pairs("own")
    with pytest.raises(LabelError, match="needs at least 2 labels to tell apart; the source has yes"):
        own.check([Pair("a", "b", "yes")], own.label_set([Pair("a", "b", "yes")]), "x")


def test_padding_is_masked() -> None:
    batch = NLI.collate(
        [PairExample((1, 7, 2, 8, 2), (0, 0, 0, 1, 1), 2, 0), PairExample((1, 2), (0, 0), 0, 1)], 9
    )
    assert batch["input_ids"].tolist() == [[1, 7, 2, 8, 2], [1, 2, 9, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1] * 5, [1, 1, 0, 0, 0]]
    assert batch["token_type_ids"].tolist() == [[0, 0, 0, 1, 1], [0] * 5]
    assert batch["labels"].tolist() == [2, 0]


def test_the_head_sees_the_first_token_alone() -> None:
    head = NLI.build_head(8, 3, 0.5).eval()
    states = torch.randn(2, 5, 8)
    assert isinstance(head, PairHead)
    expected = states[:, 0].numpy() @ head.linear.weight.detach().numpy().T
    np.testing.assert_allclose(head(states).detach().numpy(), expected, atol=1e-6)


def test_the_loss_is_summed_over_pairs() -> None:
    logits, labels = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    by_hand = -sum(
        np.log(np.exp(row[k]) / np.exp(row).sum()) for row, k in zip(logits.numpy(), labels, strict=True)
    )
    assert NLI.loss(logits.bfloat16().float(), labels).dtype == torch.float32
    assert float(NLI.loss(logits, labels)) == pytest.approx(float(by_hand), rel=1e-5)


def test_encoders_with_token_types_are_given_them_and_others_not(tmp_path: Path) -> None:
    shape: dict[str, Any] = {
        "vocab_size": 20,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    size: dict[str, Any] = {"intermediate_size": 16, "max_position_embeddings": 16}
    BertModel(BertConfig(**shape, **size)).save_pretrained(tmp_path / "bert")
    special: dict[str, Any] = {
        "pad_token_id": 0,
        "cls_token_id": 1,
        "sep_token_id": 2,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    ModernBertModel(ModernBertConfig(**shape, **size, **special)).save_pretrained(tmp_path / "modern")
    examples = [PairExample((1, 7, 2, 8, 2), types, 0, 0) for types in ((0, 0, 0, 1, 1), (0,) * 5)]
    batches = [NLI.collate([example], 0) for example in examples]
    loaded: Any = (
        BertModel.from_pretrained(tmp_path / "bert"),
        ModernBertModel.from_pretrained(tmp_path / "modern"),
    )
    for encoder, tells in zip(loaded, (True, False), strict=True):
        model = TaskModel(encoder, NLI.build_head(8, 3, 0.0)).eval()
        with torch.no_grad():
            one, other = (forward_batch(model, batch) for batch in batches)
        assert bool((one != other).any()) is tells
