"""Layer probes: all at once is each alone; the encoder stays; scores are those of scikit-learn."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from transformers import AutoModel, AutoTokenizer

from layerlab.data.catalog.corpus import DataSpec, find_corpus, load_corpus
from layerlab.data.pairs import Pair
from layerlab.data.sentences import Corpus, Sentence
from layerlab.errors import SelectionError, TrainingError
from layerlab.finetuning.model import build_task_model
from layerlab.measures.frozen_states import FrozenStates
from layerlab.measures.layer_probes import ProbeScore, check_levels, probe_layers
from layerlab.measures.levels import frozen
from layerlab.measures.options import ProbeTraining
from layerlab.measures.probe_heads import state_moments, train_probes
from layerlab.models.encoder import Encoder
from layerlab.tasks.classification import Pairs
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus
from layerlab.tasks.parsing import Parsing
from layerlab.tasks.task import IGNORED, Task, get_task

SHORT = ProbeTraining(epochs=2, batch_size=8)


@pytest.fixture
def encoder(tiny_encoder: Path) -> Encoder:
    """The tiny encoder of 4 layers, in training mode as after a fine-tuning."""
    loaded = Encoder.from_pretrained(str(tiny_encoder))
    loaded.base.train()
    return loaded


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_encoder)


def encoded(
    treebanks: Path, tokenizer: Any, task: Task, language: str, split: str, max_length: int = 64
) -> EncodedCorpus:
    read = load_corpus(find_corpus(DataSpec(root=treebanks), task.name, task.formats, language, split))
    train = load_corpus(find_corpus(DataSpec(root=treebanks), task.name, task.formats, "aa", "train"))
    corpus: EncodedCorpus = encode_corpus(task, read, task.label_set(train.sentences), tokenizer, max_length)
    return corpus


def values(scores: list[ProbeScore]) -> dict[tuple[int, str, int, str], float]:
    return {(one.seed, one.target, one.layer, one.score.metric): one.score.value for one in scores}


def weights(
    encoder: Encoder, task: Task, train: EncodedCorpus, levels: tuple[int, ...], training: ProbeTraining
) -> Mapping[int, Mapping[str, torch.Tensor]]:
    """Train probes and return each level's weights."""
    with frozen(encoder.base):
        states = FrozenStates(encoder.base, task, train, levels, keep_bytes=training.keep_gib * 2**30)
        assert states.kept == (training.keep_gib > 0)
        probes = train_probes(states, task, 0, training, state_moments(states, training.standardise))
    return {level: dict(head.state_dict()) for level, head in zip(levels, probes.heads, strict=True)}


def test_training_all_at_once_is_training_each_alone(
    encoder: Encoder, tokenizer: Any, treebanks: Path
) -> None:
    task = get_task("upos")
    train = encoded(treebanks, tokenizer, task, "aa", "train")
    together = weights(encoder, task, train, (0, 1, 2, 3, 4), SHORT)
    for level in range(5):
        alone = weights(encoder, task, train, (level,), SHORT)
        for name, tensor in alone[level].items():
            assert torch.allclose(tensor, together[level][name], atol=1e-6), (level, name)


@pytest.mark.parametrize("standardise", [True, False])
def test_kept_states_train_the_same_probes_as_states_computed_anew(
    encoder: Encoder, tokenizer: Any, treebanks: Path, standardise: bool
) -> None:
    task = get_task("upos")
    train = encoded(treebanks, tokenizer, task, "aa", "train", max_length=8)  # with windows
    kept = SHORT.model_copy(update={"standardise": standardise})
    anew = kept.model_copy(update={"keep_gib": 0.0})
    levels = (0, 2, 4)
    once, often = (weights(encoder, task, train, levels, how) for how in (kept, anew))
    for level in levels:
        for name, tensor in once[level].items():
            # Not the same bits: a state's last digits depend on what it is padded to.
            assert torch.allclose(tensor, often[level][name], atol=1e-4), (level, name)


def test_kept_states_are_computed_once_for_all_seeds_and_epochs(
    encoder: Encoder, tokenizer: Any, treebanks: Path
) -> None:
    task = get_task("upos")
    train, test = (encoded(treebanks, tokenizer, task, "aa", split) for split in ("train", "test"))
    calls = []
    encoder.base.register_forward_pre_hook(lambda *_: calls.append(1))
    probe_layers(encoder, task, train, {"aa": test}, seeds=(0, 1), training=SHORT)
    assert len(calls) == 2  # both corpora are one batch
    calls.clear()
    anew = SHORT.model_copy(update={"keep_gib": 0.0})
    probe_layers(encoder, task, train, {"aa": test}, seeds=(0, 1), training=anew)
    assert len(calls) == 2 + 2 * 2 * 48 // 8


def test_the_encoder_stays_as_it_is(encoder: Encoder, tokenizer: Any, treebanks: Path) -> None:
    task = get_task("upos")
    train = encoded(treebanks, tokenizer, task, "aa", "train")
    before = {name: tensor.clone() for name, tensor in encoder.base.state_dict().items()}
    torch.manual_seed(3)
    drawn = torch.get_rng_state()
    probe_layers(encoder, task, train, {"aa": train}, training=SHORT)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.base.state_dict().items())
    assert all(parameter.grad is None for parameter in encoder.base.parameters())
    assert all(module.training for module in encoder.base.modules())


def test_levels_are_the_embeddings_and_each_layer(
    encoder: Encoder, tokenizer: Any, tiny_encoder: Path, treebanks: Path
) -> None:
    task = get_task("upos")
    corpus = encoded(treebanks, tokenizer, task, "bb", "test")
    with frozen(encoder.base):
        states, batch = FrozenStates(encoder.base, task, corpus, (0, 3)).read(range(16))
    model = AutoModel.from_pretrained(tiny_encoder).eval()
    column = 0
    for example in corpus.encoded.examples:
        with torch.no_grad():
            hidden = model(torch.tensor([example.input_ids]), output_hidden_states=True).hidden_states
        for place, label in enumerate(example.label_ids):
            if label == IGNORED:
                continue
            for row, level in enumerate((0, 3)):
                assert torch.allclose(states[row, 0, column], hidden[level][0, place], atol=1e-5)
            assert batch["labels"][0, column] == label
            column += 1
    assert states.shape == (2, 1, column, 32)


def test_probes_begin_as_the_head_of_a_fine_tuning_does(
    encoder: Encoder, tokenizer: Any, treebanks: Path
) -> None:
    task = get_task("upos")
    train = encoded(treebanks, tokenizer, task, "aa", "train")
    still = ProbeTraining(epochs=1, learning_rate=1e-30)
    found = weights(encoder, task, train, (0, 4), still)
    head = build_task_model(encoder, task, len(train.labels), 0.1, 0).head.state_dict()
    for level in (0, 4):
        assert all(torch.allclose(head[name], one, atol=1e-9) for name, one in found[level].items())


def test_moments_are_those_of_all_states_that_heads_read(
    encoder: Encoder, tokenizer: Any, treebanks: Path
) -> None:
    task = get_task("upos")
    train = encoded(treebanks, tokenizer, task, "aa", "train")
    with frozen(encoder.base):
        states = FrozenStates(encoder.base, task, train, (1, 4))
        mean, scale = state_moments(states)
        read = states.read(range(48))[0][:, 0].double().numpy()
    assert mean.numpy() == pytest.approx(read.mean(axis=1), abs=1e-5)
    assert scale.numpy() == pytest.approx(1 / read.std(axis=1), rel=1e-3)


def contextual(n: int, stream: random.Random) -> Corpus:
    """Sentences in which a word's label is told by the word before it, so that layers differ."""
    words = ["mira", "tola", "pesa", "runa", "gati", "leki"]
    tags = ["NOUN", "VERB", "DET"]
    sentences = []
    for _ in range(n):
        chosen = [stream.choice(words) for _ in range(6)]
        upos = ["PROPN", *(tags[words.index(word) % 3] for word in chosen[:-1])]
        sentences.append(Sentence(tuple(chosen), upos=tuple(upos)))
    return Corpus(tuple(sentences), "", "contextual")


def test_probes_are_as_accurate_as_scikit_learn_on_the_same_states(encoder: Encoder, tokenizer: Any) -> None:
    task, stream = get_task("upos"), random.Random(5)
    with torch.no_grad():
        for parameter in encoder.parameters("all").values():
            if parameter.ndim == 2:
                parameter.mul_(8)  # as if trained: first weights hardly look at other words
    train, test = (
        encode_corpus(task, contextual(n, stream), task.label_set(()), tokenizer, 64) for n in (800, 300)
    )
    training = ProbeTraining(epochs=30, learning_rate=2e-2)
    found = values(probe_layers(encoder, task, train, {"test": test}, training=training))
    reached = []
    for level in range(5):
        with frozen(encoder.base):
            (x, y), (u, v) = (
                (states[0, 0].numpy(), batch["labels"][0].numpy())
                for states, batch in (
                    FrozenStates(encoder.base, task, corpus, (level,)).read(
                        range(len(corpus.encoded.examples))
                    )
                    for corpus in (train, test)
                )
            )
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        reference = LogisticRegression(C=1.0, max_iter=2000).fit((x - mean) / deviation, y)
        accuracy = float(reference.score((u - mean) / deviation, v))
        reached.append(accuracy)
        assert found[0, "test", level, "accuracy"] == pytest.approx(accuracy, abs=0.03), level
    # The comparison means something: the embeddings do not know the word before, a layer does.
    assert max(reached) > reached[0] + 0.1


def test_entities_are_probed(encoder: Encoder, tokenizer: Any, treebanks: Path) -> None:
    task = get_task("ner")
    train, test = (encoded(treebanks, tokenizer, task, "aa", split) for split in ("train", "test"))
    scores = probe_layers(
        encoder, task, train, {"aa": test}, training=SHORT.model_copy(update={"epochs": 20})
    )
    metrics = {one.score.metric for one in scores}
    assert {"span_f1", "span_precision", "span_recall"} <= metrics
    assert values(scores)[0, "aa", 4, "span_f1"] > 0.9  # the one name is readable


def test_pairs_are_probed_at_the_first_special_token(encoder: Encoder, tokenizer: Any) -> None:
    task, stream = Pairs("pairs"), random.Random(1)
    words = ["mira", "tola", "pesa", "runa"]
    pairs = []
    for index in range(120):
        first, second = stream.choice(words), stream.choice(words)
        pairs.append(Pair(f"{first} gati", f"{second} leki", str(second == "mira"), str(index)))
    corpus = Corpus(tuple(pairs), "", "pairs")
    train = encode_corpus(task, corpus, task.label_set(pairs), tokenizer, 32)
    with frozen(encoder.base):
        states, _ = FrozenStates(encoder.base, task, train, (0, 4)).read([0, 5, 7])
    assert states.shape == (2, 3, 1, 32)
    assert torch.equal(states[0, 0], states[0, 2])  # the embedding of [CLS] is that of every pair
    training = ProbeTraining(epochs=40, learning_rate=2e-2)
    found = values(probe_layers(encoder, task, train, {"same": train}, training=training))
    majority = max(np.bincount([pair.label == "True" for pair in pairs])) / len(pairs)
    assert found[0, "same", 0, "accuracy"] == pytest.approx(majority)
    assert found[0, "same", 4, "accuracy"] > majority


def test_trees_are_probed_with_the_biaffine_head(encoder: Encoder, tokenizer: Any, treebanks: Path) -> None:
    task = Parsing("parsing", arc_size=16, relation_size=8)
    train, test = (encoded(treebanks, tokenizer, task, "aa", split) for split in ("train", "test"))
    training = ProbeTraining(epochs=4, batch_size=8, learning_rate=5e-3)
    found = values(probe_layers(encoder, task, train, {"aa": test}, layers=(0, 4), training=training))
    assert {(key[2], key[3]) for key in found} >= {(0, "las"), (4, "las"), (4, "uas")}
    assert found[0, "aa", 4, "las"] > 0.9  # every word hangs on the first
    anew = training.model_copy(update={"keep_gib": 0.0})
    again = values(probe_layers(encoder, task, train, {"aa": test}, layers=(0, 4), training=anew))
    assert again == pytest.approx(found, abs=0.02)


def test_a_seed_gives_the_same_scores_again_and_alone(
    encoder: Encoder, tokenizer: Any, treebanks: Path
) -> None:
    task = get_task("upos")
    train = encoded(treebanks, tokenizer, task, "aa", "train")
    tests = {language: encoded(treebanks, tokenizer, task, language, "test") for language in ("aa", "bb")}
    both = values(probe_layers(encoder, task, train, tests, seeds=(0, 7), training=SHORT))
    lazy = {language: lambda corpus=corpus: corpus for language, corpus in tests.items()}
    one = values(probe_layers(encoder, task, train, lazy, seeds=(7,), training=SHORT))
    assert one == {key: value for key, value in both.items() if key[0] == 7}
    assert len(both) == 2 * 2 * 5


@pytest.mark.parametrize("layers", [(0, 5), (-1,), ()])
def test_levels_that_do_not_exist_are_refused(layers: tuple[int, ...]) -> None:
    with pytest.raises(SelectionError, match=r"expected 0 \(the embeddings\) to 4"):
        check_levels(layers, 4)


def test_a_loss_that_is_not_finite_ends_the_training(
    encoder: Encoder, tokenizer: Any, treebanks: Path
) -> None:
    task = get_task("upos")
    train = encoded(treebanks, tokenizer, task, "aa", "train")
    training = ProbeTraining(epochs=2, learning_rate=1e36)
    with pytest.raises(TrainingError, match="probe after 0, 2 layers is not finite"):
        probe_layers(encoder, task, train, {}, layers=(0, 2), training=training)
