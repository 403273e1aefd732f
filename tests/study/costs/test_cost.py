from __future__ import annotations

import re
from pathlib import Path

import pytest
from transformers import AutoModel, AutoTokenizer

from layerlab.data.formats.conllu import read_conllu
from layerlab.data.pairs import Pair
from layerlab.data.sentences import Sentence
from layerlab.errors import CheckpointError
from layerlab.models.tokenizers import find_tokenizers
from layerlab.study.costs.cost import plan_cost
from layerlab.study.costs.description import describe_cost
from layerlab.study.costs.loads import PIECES_PER_WORD, Load, read_load, words_of
from layerlab.study.costs.shapes import Shape, shape_of
from layerlab.study.study import Study
from tests.fixtures.command_line import Call

# What a layer of BERT holds: four square matrices of attention with biases, two of the feed-forward block,
# two norms.
WIDTH, INNER, DEPTH, VOCABULARY, POSITIONS = 768, 3072, 12, 119_547, 512
LAYER = 4 * (WIDTH * WIDTH + WIDTH) + (WIDTH * INNER + INNER) + (INNER * WIDTH + WIDTH) + 2 * (WIDTH + WIDTH)
EMBEDDINGS = (VOCABULARY + POSITIONS + 2 + 2) * WIDTH
POOLER = WIDTH * WIDTH + WIDTH


def lengths(treebanks: Path, language: str, split: str, per_word: float) -> list[float]:
    """Count word-pieces of each sentence of an invented treebank with a plain loop over its lines."""
    text = (treebanks / language / f"{split}.conllu").read_text(encoding="utf-8")
    return [
        2 + per_word * len(re.findall(r"^\d+\t", block, re.MULTILINE)) for block in text.split("\n\n")[:-1]
    ]


def forward_and_backward(shape: Shape, sizes: list[float]) -> tuple[float, float]:
    """Return FLOPs of a forward pass and of a training pass, sentence by sentence and layer by layer."""
    forward = 0.0
    for size in sizes:
        forward += 2 * size * shape.layer_parameters
        for _ in range(shape.n_layers):
            forward += 2 * (2 * size * size * shape.hidden_size)  # scores, weighted sum
    return forward, 3 * forward


def test_a_tiny_study_costs_what_is_counted_by_hand(study: Study, treebanks: Path) -> None:
    """8 runs over 6 fits: 2 epochs of aa's train and dev in each fit, three targets in each run."""
    cost = plan_cost(study.plan(), "bert-base-multilingual-cased")
    (shape,) = cost.shapes
    train, dev = (lengths(treebanks, "aa", split, PIECES_PER_WORD) for split in ("train", "dev"))
    tests = [
        size for name in ("aa", "bb", "cc") for size in lengths(treebanks, name, "test", PIECES_PER_WORD)
    ]
    assert [len(train), len(dev), len(tests)] == [48, 16, 48]
    assert cost.training.pieces == 6 * 2 * sum(train)
    assert cost.evaluation.pieces == 6 * 2 * sum(dev) + 8 * sum(tests)
    assert cost.training_flops == pytest.approx(6 * 2 * forward_and_backward(shape, train)[1])
    expected = 6 * 2 * forward_and_backward(shape, dev)[0] + 8 * forward_and_backward(shape, tests)[0]
    assert cost.evaluation_flops == pytest.approx(expected)
    assert cost.hours(1e12) == pytest.approx((cost.training_flops + cost.evaluation_flops) / 3.6e15)
    assert cost.disk == {"needed": 0, "all": 6 * 4 * shape.parameters, "none": 0}
    assert (cost.fit_bytes, cost.memory) == (4 * shape.parameters, 16 * shape.parameters)


def test_dimensions_of_multilingual_bert_are_known_without_a_download() -> None:
    shape = shape_of("bert-base-multilingual-cased")
    assert (shape.n_layers, shape.hidden_size) == (DEPTH, WIDTH)
    assert shape.layer_parameters == DEPTH * LAYER
    assert shape.parameters == EMBEDDINGS + DEPTH * LAYER + POOLER
    assert shape_of("google-bert/bert-base-multilingual-cased").parameters == shape.parameters


def test_a_shape_counts_the_parameters_of_the_loaded_model(tiny_encoder: Path) -> None:
    shape = shape_of(str(tiny_encoder))
    model = AutoModel.from_pretrained(tiny_encoder)
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    assert shape.layer_parameters == sum(p.numel() for p in model.encoder.parameters())


def test_an_own_tokenizer_is_asked_for_word_pieces(study: Study, treebanks: Path, tiny_encoder: Path) -> None:
    """The invented corpora are smaller than the sample, so that the count is exact but for rounding."""
    cost = plan_cost(study.plan())
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    n_pieces = 0
    for sentence in read_conllu(treebanks / "aa" / "train.conllu"):
        n_pieces += len(tokenizer(list(sentence.words), is_split_into_words=True)["input_ids"])
    assert cost.is_measured
    assert cost.training.pieces == pytest.approx(6 * 2 * n_pieces)
    assert cost.shapes[0].name == tiny_encoder.name


def test_running_text_and_ideographs_are_counted_as_bert_cuts_them() -> None:
    assert words_of(Sentence(("can't", "鸟飞", "ok"))) == 3 + 2 + 1
    assert words_of(Pair("Zwei Vögel, ja.", "鳥が飛ぶ", "neutral")) == 5 + 4


def test_long_inputs_attend_within_their_window() -> None:
    sentence = Sentence(("a",) * 98)
    assert read_load([sentence], 1.0, 256) == Load(100.0, 100.0**2)
    assert read_load([sentence], 1.0, 50) == Load(100.0, 100.0 * 50)


def test_a_pair_has_one_special_token_more_than_a_sentence() -> None:
    assert read_load([Pair("a b", "c", "neutral")], 1.0, 256).pieces == 6


def test_a_tokenizer_that_is_not_here_is_none() -> None:
    assert find_tokenizers("nobody/nothing") is None


def test_the_plan_says_what_it_costs_and_what_that_assumes(
    call: Call, study_file: Path, tmp_path: Path
) -> None:
    options = ("--results", tmp_path / "r", "--cost-as", "bert-base-multilingual-cased")
    code, out, err = call("plan", study_file, *options)
    assert code == 0, err
    assert "at 10 effective TFLOP/s (half of an A100's fp32 peak)" in out
    assert "85.1M parameters in them, 177.9M in all" in out
    assert "1.50 a word (assumed)" in out
    assert "memory in training 2.85 GB" in out  # 16 bytes a parameter
    assert "none with keep: needed, 4.27 GB with keep: all, none with keep: none" in out  # 6 x 4 bytes
    assert "while the study runs up to 711 MB a worker more" in out
    _, faster, _ = call("plan", study_file, *options, "--flops", "100e12")
    assert "at 100 effective TFLOP/s (as given)" in faster
    code, out, _ = call("plan", study_file, "--results", tmp_path / "r")
    assert "a word (measured)" in out
    assert "as tiny: 4 layers of width 32" in out


def test_a_plan_that_read_no_corpus_says_nothing_of_cost(study: Study) -> None:
    assert "GPU-" not in study.plan(check=False).describe()


def test_an_encoder_that_does_not_exist_is_named_with_those_that_are_known(study: Study) -> None:
    with pytest.raises(CheckpointError, match="unknown encoder 'bert-base-multilingual'.*-cased"):
        study.plan().describe(cost_as="bert-base-multilingual")


def test_mixed_precision_is_assumed_to_be_faster(study: Study) -> None:
    cost = plan_cost(study.plan(), "bert-base-multilingual-cased")
    assert "80 effective TFLOP/s (a quarter of an A100's bf16 peak)" in describe_cost(cost, None, "bf16")[0]


def test_an_encoder_that_is_pretrained_first_has_the_shape_of_its_spec(study: Study, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("mira gati o tola .\n" * 30, encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(
        """\
name: small
architecture: {model_type: bert, options: {num_hidden_layers: 4, hidden_size: 16, num_attention_heads: 2,
  intermediate_size: 32}}
corpora: {aa: text.txt}
vocab_size: 60
steps: 2
held_out_sequences: 2
""",
        encoding="utf-8",
    )
    spec = study.model_copy(update={"models": (str(tmp_path / "spec.yaml"),)})
    cost = plan_cost(spec.plan())
    assert (cost.shapes[0].n_layers, cost.shapes[0].hidden_size) == (4, 16)
    assert not cost.is_measured


def test_selected_ablations_cost_only_what_they_need(study: Study) -> None:
    whole, part = study.plan(), study.plan().select(ablation="rewind", seed=1)
    costs = [plan_cost(plan, "bert-base-multilingual-cased") for plan in (whole, part)]
    assert costs[0].training_flops == pytest.approx(6 * costs[1].training_flops)


def test_measures_read_each_parallel_text_once_a_run(study: Study, tmp_path: Path) -> None:
    rows = ["aa\tbb\tcc", *(f"mira tola {'gati ' * n}\tmiros {'tolos ' * n}\tмира" for n in range(1, 11))]
    (tmp_path / "parallel.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    measures = {"names": ["cka", "change"], "parallel": str(tmp_path / "parallel.tsv")}
    measured = Study.model_validate({**dict(study), "measures": measures})
    costs = [plan_cost(one.plan(), "bert-base-multilingual-cased") for one in (study, measured)]
    words = sum((2 + n) + (1 + n) + 1 for n in range(1, 11))
    assert costs[1].evaluation.pieces - costs[0].evaluation.pieces == pytest.approx(
        8 * (PIECES_PER_WORD * words + 2 * 30)
    )
    assert costs[1].training == costs[0].training
