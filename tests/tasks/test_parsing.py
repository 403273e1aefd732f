from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from layerlab.data.catalog.defaults import default_corpora
from layerlab.data.sentences import Sentence
from layerlab.errors import LabelError
from layerlab.tasks import task as registry
from layerlab.tasks.heads import biaffine as module
from layerlab.tasks.heads.biaffine import ArcScores, BiaffineHead
from layerlab.tasks.parsing import Parsing, TreeExample
from layerlab.tasks.task import IGNORED, get_task

SMALL = Parsing("small-parsing", arc_size=12, relation_size=7)
TREES = [
    Sentence(("mira", "gatileki", "."), heads=(2, 0, 2), relations=("nsubj:pass", "root", "punct")),
    Sentence(("猫", "が", "飛"), heads=(3, 1, 0), relations=("nsubj", "case", "root")),
    Sentence(
        ("Бела", "\u200b", *["тола"] * 9),
        heads=(2, 0, *range(2, 11)),
        relations=("det", "root", *["obl:tmod"] * 9),
    ),
]
LABELS = SMALL.label_set(TREES)


def filled_head(n_relations: int = len(LABELS), seed: int = 0) -> BiaffineHead:
    """Return a head whose scorers are not zero, as after training."""
    torch.manual_seed(seed)
    head = SMALL.build_head(16, n_relations, 0.3)
    assert isinstance(head, BiaffineHead)
    for scorer in (head.arc, head.relation):
        nn.init.normal_(scorer)
    return head


def perfect_scores(batch: dict[str, Tensor], n_relations: int) -> ArcScores:
    heads, relations = (labels.clamp(min=0) for labels in batch["labels"].unbind(-1))
    n_words = heads.shape[1]
    of_relations = nn.functional.one_hot(relations, n_relations)[..., None].expand(-1, -1, -1, n_words + 1)
    return ArcScores(9.0 * nn.functional.one_hot(heads, n_words + 1), 9.0 * of_relations)


def test_labels_are_the_universal_relations_of_the_source() -> None:
    assert LABELS == ("case", "det", "nsubj", "obl", "punct", "root")


def test_sentences_without_trees_are_refused() -> None:
    with pytest.raises(LabelError, match="cc: 1 of 2 sentences have no tree for task parsing"):
        Parsing().check([TREES[0], Sentence(("a",))], LABELS, "cc")


@pytest.mark.parametrize("name", ["wordpiece", "bpe", "bos_eos"])
def test_perfect_output_scores_one(name: str, request: pytest.FixtureRequest) -> None:
    tokenizer = request.getfixturevalue(name)
    encoded = SMALL.encode(TREES, LABELS, tokenizer, 64)
    batch = SMALL.collate(encoded.examples, 0)
    decoded = SMALL.decode(perfect_scores(batch, len(LABELS)), batch, encoded.examples)
    assert [(s.metric, s.value, s.n) for s in SMALL.score(TREES, LABELS, decoded)] == [
        ("las", 1.0, 17),
        ("uas", 1.0, 17),
        ("clas", 1.0, 14),
    ]
    assert SMALL.n_targets(batch) == encoded.n_words == 17
    assert encoded.n_windowed == 0


def test_words_stand_where_their_first_pieces_are(wordpiece: Any) -> None:
    encoded = SMALL.encode(TREES, LABELS, wordpiece, 64)
    for example, sentence in zip(encoded.examples, TREES, strict=True):
        assert len(example.words) == len(sentence.words)
        for place, word in zip(example.words, sentence.words, strict=True):
            pieces = wordpiece.encode(word, add_special_tokens=False) or [wordpiece.unk_token_id]
            assert list(example.input_ids[place : place + len(pieces)]) == pieces


def test_words_beyond_the_longest_input_are_counted_and_wrong(wordpiece: Any) -> None:
    encoded = SMALL.encode(TREES, LABELS, wordpiece, 12)
    cut = encoded.examples[2]
    assert len(cut.input_ids) <= 12
    assert encoded.n_windowed == cut.n_cut == 11 - len(cut.words) > 0
    batch = SMALL.collate(encoded.examples, 0)
    decoded = SMALL.decode(perfect_scores(batch, len(LABELS)), batch, encoded.examples)
    scores = {score.metric: score for score in SMALL.score(TREES, LABELS, decoded)}
    assert scores["las"].value == scores["uas"].value == (17 - cut.n_cut) / 17
    assert (scores["las"].n, scores["clas"].n) == (17, 14)


def test_words_whose_head_was_cut_off_are_not_learnt_from(wordpiece: Any) -> None:
    backwards = Sentence(("тола",) * 9, heads=(9, *range(1, 8), 0), relations=("obl",) * 8 + ("root",))
    (example,) = SMALL.encode([backwards], LABELS, wordpiece, 8).examples
    assert example.heads[0] == example.relations[0] == IGNORED
    assert example.heads[1:] == tuple(range(1, len(example.words)))


def test_a_word_longer_than_the_input_is_still_a_word(wordpiece: Any) -> None:
    long = Sentence(("mira" * 9, "猫"), heads=(0, 1), relations=("root", "obl"))
    (example,) = SMALL.encode([long], LABELS, wordpiece, 8).examples
    assert (len(example.input_ids), len(example.words), example.n_cut) == (8, 1, 1)


def test_relations_that_the_source_lacks_are_wrong_and_no_error(wordpiece: Any) -> None:
    target = [Sentence(("mira", "猫"), heads=(2, 0), relations=("clf", "root"))]
    SMALL.check(target, LABELS, "bb/test")
    encoded = SMALL.encode(target, LABELS, wordpiece, 64)
    assert encoded.examples[0].relations == (IGNORED, LABELS.index("root"))
    batch = SMALL.collate(encoded.examples, 0)
    assert torch.isfinite(SMALL.loss(perfect_scores(batch, len(LABELS)), batch["labels"]))
    decoded = SMALL.decode(perfect_scores(batch, len(LABELS)), batch, encoded.examples)
    scores = {score.metric: score.value for score in SMALL.score(target, LABELS, decoded)}
    assert (scores["uas"], scores["las"]) == (1.0, 0.5)


def test_a_word_without_prediction_is_no_score() -> None:
    one = [(0, 0, 2, 2), (0, 1, 0, 5)]
    for decoded in (one, [*one, one[0]]):
        with pytest.raises(LabelError, match=f"{len(decoded)} predictions for 3 words"):
            SMALL.score(TREES[:1], LABELS, decoded)


def test_padding_is_masked_and_carries_no_label() -> None:
    long = TreeExample((1, 7, 8, 2), (1, 2), (2, 0), (3, 1), 0, 0)
    batch = SMALL.collate([long, TreeExample((1, 5, 2), (1,), (0,), (1,), 1, 0)], 9)
    assert batch["input_ids"].tolist() == [[1, 7, 8, 2], [1, 5, 2, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
    assert batch["words"].tolist() == [[1, 2], [1, 0]]
    assert batch["labels"].tolist() == [[[2, 3], [0, 1]], [[0, 1], [IGNORED, IGNORED]]]
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}


def test_scores_are_the_biaffine_forms_of_the_papers() -> None:
    head = filled_head().eval()
    states = torch.randn(1, 6, 16)
    scores = head(states, torch.tensor([[1, 3, 4]]))
    nodes = states[0, [0, 1, 3, 4]]

    def project(projection: Any, state: Tensor) -> Tensor:
        return nn.functional.leaky_relu(projection.linear(state), 0.1)

    for word in range(3):
        for place in range(4):
            own, other = nodes[word + 1], nodes[place]
            arc = torch.cat([project(head.arc_of_word, own), torch.ones(1)]) @ head.arc
            expected = arc @ project(head.arc_of_head, other)
            if place != word + 1:
                torch.testing.assert_close(scores.heads[0, word, place], expected)
            one = torch.cat([project(head.relation_of_word, own), torch.ones(1)])
            two = torch.cat([project(head.relation_of_head, other), torch.ones(1)])
            for label in range(len(LABELS)):
                torch.testing.assert_close(
                    scores.relations[0, word, label, place],
                    one @ head.relation[:, label] @ two,
                    atol=1e-4,
                    rtol=1e-4,
                )


def test_no_word_is_its_own_head_and_padding_is_no_head() -> None:
    scores = filled_head()(torch.randn(2, 5, 16), torch.tensor([[1, 2, 3], [2, 0, 0]]))
    chances = scores.heads.softmax(-1)
    assert [chances[0, word, word + 1].item() for word in range(3)] == [0.0] * 3
    assert chances[1, 0].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_scorers_start_at_zero_and_projections_orthogonal_with_the_sizes_of_the_paper() -> None:
    head = Parsing().build_head(768, 37, 0.1)
    assert isinstance(head, BiaffineHead)
    assert (head.arc.shape, head.relation.shape) == ((501, 500), (201, 37, 201))
    assert not head.arc.any()
    assert not head.relation.any()
    weight = head.arc_of_word.linear.weight
    torch.testing.assert_close(weight @ weight.T, torch.eye(500), atol=1e-4, rtol=0)
    assert not head.arc_of_word.linear.bias.any()


def test_heads_of_one_seed_are_equal() -> None:
    for one, two in zip(filled_head(seed=1).parameters(), filled_head(seed=1).parameters(), strict=True):
        assert torch.equal(one, two)


def test_dropout_is_shared_by_the_words_of_a_sentence() -> None:
    head = filled_head()
    projected = head.arc_of_word(torch.randn(3, 5, 16))
    gone = projected == 0
    assert (gone.all(dim=1) == gone.any(dim=1)).all()
    assert 0 < gone.float().mean() < 1


def test_loss_is_the_sum_over_heads_and_over_relations_at_the_gold_heads() -> None:
    stream = torch.Generator().manual_seed(0)
    scores = ArcScores(torch.randn(2, 3, 4, generator=stream), torch.randn(2, 3, 5, 4, generator=stream))
    labels = torch.tensor([[[2, 1], [0, 4], [1, IGNORED]], [[0, 3], [IGNORED] * 2, [IGNORED] * 2]])
    heads, relations = scores.heads.log_softmax(-1), scores.relations.log_softmax(2)
    expected = -(heads[0, 0, 2] + heads[0, 1, 0] + heads[0, 2, 1] + heads[1, 0, 0])
    expected -= relations[0, 0, 1, 2] + relations[0, 1, 4, 0] + relations[1, 0, 3, 0]
    torch.testing.assert_close(SMALL.loss(scores, labels), expected)
    halves = ArcScores(scores.heads.bfloat16(), scores.relations.bfloat16())
    assert SMALL.loss(halves, labels).dtype == torch.float32
    assert float(SMALL.loss(scores, torch.full((2, 3, 2), IGNORED))) == 0.0


def test_decoded_tree_maximises_the_probability_of_heads_and_relations() -> None:
    """A head that is likelier by itself loses to one at which a relation is certain."""
    heads = torch.tensor([[[0.0, -30, 0.1], [0.0, 0.0, -30]]])
    relations = torch.zeros(1, 2, 3, 3)
    relations[0, 0, 2, 0] = relations[0, 1, 1, 1] = 9.0
    example = TreeExample((1, 5, 6, 2), (1, 2), (0, 1), (0, 0), 7, 1)
    expected = [(7, 0, 0, 2), (7, 1, 1, 1), (7, 2, -1, -1)]
    assert SMALL.decode(ArcScores(heads, relations), {}, [example]) == expected


def test_decoding_equals_a_plain_search_over_trees_and_relations(wordpiece: Any) -> None:
    head = filled_head().eval()
    encoded = SMALL.encode(TREES[:2], LABELS, wordpiece, 64)
    batch = SMALL.collate(encoded.examples, 0)
    with torch.inference_mode():
        scores = head(torch.randn(*batch["input_ids"].shape, 16), batch["words"])
    decoded = {(s, w): (h, r) for s, w, h, r in SMALL.decode(scores, batch, encoded.examples)}
    arcs = scores.heads.log_softmax(-1)[:, :, None, :] + scores.relations.log_softmax(2)
    for sentence in range(2):
        found = []
        for heads in np.ndindex(4, 4, 4):
            roots = [word for word in range(3) if heads[word] == 0]
            reached = {w + 1 for w in roots}
            for _ in range(3):
                reached |= {w + 1 for w in range(3) if heads[w] in reached}
            if len(roots) == 1 and len(reached) == 3:
                best = [arcs[sentence, w, :, heads[w]].max(dim=0) for w in range(3)]
                total = sum(float(value) for value, _ in best)
                found.append((total, [(heads[w], int(best[w].indices)) for w in range(3)]))
        assert [decoded[sentence, w] for w in range(3)] == max(found)[1]


def test_scores_of_trees_are_the_same_for_some_sentences_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = torch.Generator().manual_seed(0)
    output = ArcScores(torch.randn(5, 3, 4, generator=stream), torch.randn(5, 3, 6, 4, generator=stream))
    expected = output.heads.log_softmax(-1) + output.relations.log_softmax(2).amax(2)
    for at_once in (1, 150, 1 << 19):
        monkeypatch.setattr(module, "_AT_ONCE", at_once)
        torch.testing.assert_close(module.tree_scores(output), expected)


def test_a_parser_of_other_sizes_is_a_task_under_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert get_task("parsing") == Parsing()
    monkeypatch.setattr(registry, "_TASKS", dict(registry._TASKS))
    registry.register_task(SMALL)
    head = get_task("small-parsing").build_head(16, 4, 0.1)
    assert isinstance(head, BiaffineHead)
    assert head.arc.shape == (13, 12)


def test_treebanks_of_parsing_are_those_of_parts_of_speech() -> None:
    assert default_corpora("parsing") == default_corpora("upos")
