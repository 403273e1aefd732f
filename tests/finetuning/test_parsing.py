"""A parser learns a controlled language, and its cohort and its resumption are those of any task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap
from transformers import AutoTokenizer, BertConfig, BertModel

from layerlab.data.sentences import Corpus, Sentence, digest_sentences
from layerlab.finetuning.evaluation import evaluate, predict
from layerlab.finetuning.loop import Workplace, fine_tune
from layerlab.finetuning.model import TaskModel, batch_loss, build_task_model, forward_batch, model_inputs
from layerlab.finetuning.training import Training
from layerlab.languages.corpora.generate import generate
from layerlab.models.encoder import Encoder
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus
from layerlab.tasks.parsing import Parsing

PARSER = Parsing("small-parsing", arc_size=48, relation_size=24)
Corpora = Mapping[str, EncodedCorpus]


def corpus_of(sentences: list[Sentence]) -> Corpus:
    return Corpus(tuple(sentences), digest_sentences(sentences), "toy")


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained BERT with 2 layers of width 64, with a tokenizer for a controlled language."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizer

    trainer = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    text = [" ".join(sentence.words) for sentence in generate("avin", 600, "train")]
    trainer.train_from_iterator(text, vocab_size=600, show_progress=False)
    tokenizer = BertTokenizer(tokenizer_object=trainer._tokenizer, do_lower_case=False)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=96,
    )
    folder = tmp_path_factory.mktemp("parser") / "encoder"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def toy(encoder_folder: Path) -> dict[str, EncodedCorpus]:
    """Train, dev and test sentences of a controlled language with their gold trees."""
    tokenizer = AutoTokenizer.from_pretrained(encoder_folder)
    read = {
        split: corpus_of(list(generate("avin", n, split)))
        for split, n in (("train", 600), ("dev", 60), ("test", 100))
    }
    labels = PARSER.label_set(read["train"].sentences)
    return {split: encode_corpus(PARSER, corpus, labels, tokenizer, 96) for split, corpus in read.items()}


def make_model(folder: Path, corpora: Corpora, seed: int = 0) -> TaskModel:
    encoder = Encoder.from_pretrained(str(folder))
    return build_task_model(encoder, PARSER, len(corpora["train"].labels), 0.1, seed)


def test_a_parser_learns_the_trees_of_a_controlled_language(encoder_folder: Path, toy: Corpora) -> None:
    model = make_model(encoder_folder, toy)
    device = torch.device("cpu")
    untrained = {s.metric: s.value for s in evaluate(model, PARSER, toy["test"], device)}
    training = Training(epochs=6, learning_rate=2e-3, batch_size=16)
    result = fine_tune(model, PARSER, toy, training, seed=0)
    scores = {s.metric: s.value for s in evaluate(model, PARSER, toy["test"], device)}
    losses = [entry["loss"] for entry in result.history]
    assert losses[-1] < 0.3 * losses[0]
    assert untrained["las"] < 0.2
    seen = {s.metric: s.value for s in evaluate(model, PARSER, toy["train"], device)}
    assert seen["las"] > 0.8, seen
    assert scores["las"] > 0.5, scores
    assert scores["las"] <= scores["uas"]
    # Every predicted tree is one.
    heads: dict[int, dict[int, int]] = {}
    for sentence, word, head, _ in predict(model, PARSER, toy["test"], device):
        heads.setdefault(sentence, {})[word + 1] = head
    for tree in heads.values():
        assert list(tree.values()).count(0) == 1
        for word in tree:
            for _ in tree:
                word = tree.get(word, 0)
            assert word == 0


def test_predictions_do_not_depend_on_the_batch(encoder_folder: Path, toy: Corpora) -> None:
    model = make_model(encoder_folder, toy).eval()
    torch.nn.init.normal_(model.head.arc)  # type: ignore[arg-type]
    torch.nn.init.normal_(model.head.relation)  # type: ignore[arg-type]
    examples = toy["dev"].encoded.examples[:12]

    def decode(chosen: Any) -> list[Any]:
        batch = PARSER.collate(chosen, toy["dev"].pad_id)
        return PARSER.decode(forward_batch(model, batch), batch, chosen)

    with torch.inference_mode():
        assert decode(examples) == [arc for example in examples for arc in decode([example])]


def test_a_resumed_fit_equals_an_undisturbed_one(encoder_folder: Path, toy: Corpora, tmp_path: Path) -> None:
    few = dict(toy) | {"train": encode_again(toy["train"], 40)}
    training = Training(epochs=2, learning_rate=1e-3, batch_size=8)
    whole = make_model(encoder_folder, toy)
    fine_tune(whole, PARSER, few, training, seed=0)

    def die(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == 7:
            raise InterruptedError("killed")

    workplace = Workplace(tmp_path, seconds=0.0)
    with pytest.raises(InterruptedError, match="killed"):
        fine_tune(
            make_model(encoder_folder, toy), PARSER, few, training, seed=0, workplace=workplace, report=die
        )
    resumed = make_model(encoder_folder, toy, seed=9)
    result = fine_tune(resumed, PARSER, few, training, seed=0, workplace=workplace)
    assert result.resumed_at > 0
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def encode_again(corpus: EncodedCorpus, n_sentences: int) -> EncodedCorpus:
    """Return the first sentences of a corpus."""
    from dataclasses import replace

    encoded = replace(corpus.encoded, examples=corpus.encoded.examples[:n_sentences])
    return replace(corpus, sentences=corpus.sentences[:n_sentences], encoded=encoded)


def test_a_cohort_of_parsers_has_the_losses_of_its_members(encoder_folder: Path, toy: Corpora) -> None:
    members = [make_model(encoder_folder, toy, seed=seed).eval() for seed in range(2)]
    batch = PARSER.collate(toy["dev"].encoded.examples[:8], toy["dev"].pad_id)
    parameters, buffers = stack_module_state(members)

    def loss(own: dict[str, torch.Tensor], fixed: dict[str, torch.Tensor]) -> torch.Tensor:
        output = functional_call(members[0], (own, fixed), args=(), kwargs=model_inputs(batch))
        return PARSER.loss(output, batch["labels"])

    stacked = vmap(loss)(parameters, buffers)
    single = [batch_loss(member, dict(member.named_parameters()), batch, PARSER) for member in members]
    torch.testing.assert_close(stacked, torch.stack(single), atol=1e-3, rtol=1e-5)


def test_mixed_precision_gives_finite_losses_and_trees(encoder_folder: Path, toy: Corpora) -> None:
    model = make_model(encoder_folder, toy)
    few = dict(toy) | {"train": encode_again(toy["train"], 16)}
    training = Training(epochs=1, batch_size=8, accumulate=2, precision="bf16")
    result = fine_tune(model, PARSER, few, training, seed=0)
    assert 0 < result.history[0]["loss"] < 10
