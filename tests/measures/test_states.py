"""Sentence states against one sentence at a time through the plain model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from layerlab.ablation.apply import applied
from layerlab.ablation.interventions import Skip
from layerlab.data.formats.conllu import read_conllu
from layerlab.data.sentences import Sentence
from layerlab.errors import CheckpointError, DataError
from layerlab.measures.states import Text, sentence_states
from layerlab.models.encoder import Encoder


@pytest.fixture(scope="module")
def sentences(treebanks: Path) -> tuple[Sentence, ...]:
    read = read_conllu(treebanks / "aa/test.conllu")
    # Lengths that differ, in no order.
    return tuple(Sentence(s.words * (1 + i % 3)) for i, s in enumerate(read))


def plain_states(folder: Path, ids: list[int]) -> NDArray[np.float32]:
    """Hidden states of one sequence, of shape (levels, tokens, hidden)."""
    model = AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        hidden = model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states
    states: NDArray[np.float32] = torch.cat(hidden).numpy()
    return states


def plain_ids(folder: Path, words: tuple[str, ...]) -> list[int]:
    ids = AutoTokenizer.from_pretrained(folder)(list(words), is_split_into_words=True)["input_ids"]
    return list(ids)


def test_mean_is_over_the_pieces_of_the_text_at_every_level(
    tiny_encoder: Path, sentences: tuple[Sentence, ...]
) -> None:
    states = sentence_states(tiny_encoder, sentences, batch_pieces=100)
    assert states.shape == (5, 16, 32)
    assert states.dtype == np.float32
    for index, sentence in enumerate(sentences):
        hidden = plain_states(tiny_encoder, plain_ids(tiny_encoder, sentence.words))
        np.testing.assert_allclose(states[:, index], hidden[:, 1:-1].mean(axis=1), atol=2e-6)


def test_batches_change_nothing_and_are_told(tiny_encoder: Path, sentences: tuple[Sentence, ...]) -> None:
    encoder = Encoder.from_pretrained(str(tiny_encoder))
    told: list[tuple[int, int]] = []
    one = sentence_states(encoder, sentences, batch_pieces=1, progress=lambda *done: told.append(done))
    assert told == [(i + 1, 16) for i in range(16)]
    np.testing.assert_allclose(sentence_states(encoder, sentences), one, atol=2e-6)


def test_words_lists_and_text_give_the_same(tiny_encoder: Path, sentences: tuple[Sentence, ...]) -> None:
    of_sentences = sentence_states(tiny_encoder, sentences)
    np.testing.assert_array_equal(sentence_states(tiny_encoder, [s.words for s in sentences]), of_sentences)
    texts = [" ".join(s.words) for s in sentences]  # this tokenizer splits at spaces
    np.testing.assert_array_equal(sentence_states(tiny_encoder, texts), of_sentences)
    mixed: list[Text] = [texts[0], sentences[1]]
    np.testing.assert_allclose(sentence_states(tiny_encoder, mixed), of_sentences[:, :2], atol=2e-6)


def test_first_is_the_state_of_the_first_special_token(
    tiny_encoder: Path, sentences: tuple[Sentence, ...]
) -> None:
    states = sentence_states(tiny_encoder, sentences[:3], pooling="first")
    for index in range(3):
        hidden = plain_states(tiny_encoder, plain_ids(tiny_encoder, sentences[index].words))
        np.testing.assert_allclose(states[:, index], hidden[:, 0], atol=2e-6)
    assert np.ptp(states[0], axis=0).max() < 1e-5  # before the first layer [CLS] knows of no sentence


def test_muller_adds_specials_twice_and_leaves_one_of_each_in_the_mean(
    tiny_encoder: Path, sentences: tuple[Sentence, ...]
) -> None:
    states = sentence_states(tiny_encoder, sentences[:3], pooling="muller")
    for index in range(3):
        ids = plain_ids(tiny_encoder, sentences[index].words)
        hidden = plain_states(tiny_encoder, [ids[0], *ids, ids[-1]])
        np.testing.assert_allclose(states[:, index], hidden[:, 1:-1].mean(axis=1), atol=2e-6)


def test_a_sentence_longer_than_the_model_reads_is_read_in_parts(
    tiny_encoder: Path, sentences: tuple[Sentence, ...]
) -> None:
    long = Sentence(sentences[0].words * 12)  # 64 positions
    ids = plain_ids(tiny_encoder, long.words)[1:-1]
    first, last = plain_ids(tiny_encoder, ())
    n_parts = -(-len(ids) // 62)
    assert n_parts > 1
    total = np.zeros((5, 32))
    for part in range(n_parts):
        inside = ids[part * len(ids) // n_parts : (part + 1) * len(ids) // n_parts]
        total += plain_states(tiny_encoder, [first, *inside, last])[:, 1:-1].sum(axis=1)
    states = sentence_states(tiny_encoder, [sentences[1], long])
    np.testing.assert_allclose(states[:, 1], total / len(ids), atol=2e-6)


def test_the_model_is_left_as_it_was(tiny_encoder: Path, sentences: tuple[Sentence, ...]) -> None:
    model = AutoModelForMaskedLM.from_pretrained(tiny_encoder)
    model.train()
    model.base_model.encoder.layer[1].eval()
    before = [module.training for module in model.modules()]
    generator = torch.get_rng_state()
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    states = sentence_states(model, sentences, tokenizer)
    np.testing.assert_array_equal(states, sentence_states(tiny_encoder, sentences))
    assert [module.training for module in model.modules()] == before
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_skipped_layer_shows(tiny_encoder: Path, sentences: tuple[Sentence, ...]) -> None:
    encoder = Encoder.from_pretrained(str(tiny_encoder))
    with applied(Skip(layers="1"), encoder):
        states = sentence_states(encoder, sentences)
    np.testing.assert_array_equal(states[2], states[1])
    assert not np.allclose(states[3], states[2])


def test_bad_input_is_refused(tiny_encoder: Path) -> None:
    with pytest.raises(DataError, match="no sentence to encode"):
        sentence_states(tiny_encoder, [])
    with pytest.raises(DataError, match="sentence 1 has no word-piece"):
        sentence_states(tiny_encoder, ["mira", ""])
    with pytest.raises(DataError, match="did you mean 'mean'"):
        sentence_states(tiny_encoder, ["mira"], pooling="meen")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="max_length 2 leaves no room"):
        sentence_states(tiny_encoder, ["mira"], max_length=2)
    with pytest.raises(CheckpointError, match="no tokenizer at 'nowhere'"):
        sentence_states("nowhere", ["mira"])
    made = AutoModel.from_config(AutoConfig.from_pretrained(tiny_encoder))  # type: ignore[no-untyped-call]
    made.config.name_or_path = ""
    with pytest.raises(CheckpointError, match="no tokenizer lies beside it"):
        sentence_states(made, ["mira"])


def test_padding_changes_nothing_in_any_architecture(
    architecture: str,
    checkpoint: Callable[..., Path],
    load: Callable[[Path], PreTrainedModel],
    word_tokenizer: PreTrainedTokenizerFast,
) -> None:
    model = load(checkpoint(architecture))
    sentences = [
        [f"w{5 + (i * j) % 35}" for j in range(1, length)] for i, length in enumerate((4, 30, 9, 60))
    ]
    states = sentence_states(model, sentences, word_tokenizer)
    for index, words in enumerate(sentences[:3]):
        ids = torch.tensor([[1, *(int(word[1:]) for word in words), 2]])
        with torch.no_grad():
            hidden = model(input_ids=ids, output_hidden_states=True).hidden_states
        plain = torch.cat(hidden)[:, 1:-1].mean(dim=1).numpy()
        np.testing.assert_allclose(states[:, index], plain, atol=1e-5)
    assert np.isfinite(states[:, 3]).all()  # longer than the model's 40 positions
