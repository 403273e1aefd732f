from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from layerlab.errors import ArchitectureError, CheckpointError, DataError
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import Architecture, PretrainingSpec
from layerlab.training.events import Event
from layerlab.training.schedule import linear_rate
from tests.fixtures.pretrainings import kill_midway


def changed(spec: PretrainingSpec, **update: Any) -> PretrainingSpec:
    return spec.model_copy(update=update)


def with_options(spec: PretrainingSpec, **options: Any) -> PretrainingSpec:
    kind = options.pop("model_type", spec.architecture.model_type)
    both = {**spec.architecture.options, **options}
    return changed(spec, architecture=Architecture(model_type=kind, options=both))


def losses(folder: Path) -> Any:
    facts = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    return facts["losses"], facts["held_out"]


def test_a_pretraining_stopped_and_resumed_equals_an_undisturbed_one_to_the_bit(
    spec: PretrainingSpec, tmp_path: Path
) -> None:
    whole = pretrain(spec, tmp_path / "whole", threads=1)
    for stop in (5, 8, None):
        pretrain(spec, tmp_path / "parts", threads=1, stop_after=stop)
    assert losses(whole) == losses(tmp_path / "parts")
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_pretraining_killed_midway_goes_on_as_if_nothing_had_been(
    spec: PretrainingSpec, tmp_path: Path
) -> None:
    kill_midway(spec, tmp_path / "killed")
    events: list[Event] = []
    pretrain(spec, tmp_path / "killed", threads=1, report=events.append)
    assert [each["step"] for each in events if each["event"] == "step"] == list(range(7, 13))
    assert {each["from"] for each in events} == {6}
    assert losses(tmp_path / "killed") == losses(pretrain(spec, tmp_path / "whole", threads=1))


def test_the_loss_falls_and_each_language_is_measured(spec: PretrainingSpec, tmp_path: Path) -> None:
    folder = pretrain(changed(spec, steps=60, evaluate_every=60), tmp_path / "model", threads=1)
    curve, held_out = losses(folder)
    assert sum(curve[-5:]) / 5 < sum(curve[:5]) / 5 - 0.5
    assert [entry["step"] for entry in held_out] == [60]
    assert held_out[0]["loss"].keys() == {"xa", "xb"}
    assert all(0 < loss < math.log(80) for loss in held_out[0]["loss"].values())


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_the_folder_loads_with_no_tensor_missing(spec: PretrainingSpec, tmp_path: Path, kind: str) -> None:
    extra = {"global_attn_every_n_layers": 1} if kind == "modernbert" else {}
    folder = pretrain(
        changed(with_options(spec, model_type=kind, **extra), steps=2), tmp_path / "m", threads=1
    )
    _, full = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not full["missing_keys"]
    assert not full["unexpected_keys"]
    encoder, info = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not {key for key in info["missing_keys"] if not key.startswith("pooler.")}
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(["lomir petak .", "шалук"], padding=True, return_tensors="pt")
    assert encoder(**batch).last_hidden_state.shape == (2, batch["input_ids"].shape[1], 16)
    assert encoder.config.vocab_size == len(tokenizer)


def test_the_model_card_says_what_happened(spec: PretrainingSpec, tmp_path: Path) -> None:
    folder = pretrain(spec, tmp_path / "model", threads=1, stop_after=6)
    card = (folder / "README.md").read_text(encoding="utf-8")
    _, held_out = losses(folder)
    assert f"6 steps of 4 sequences of 16\ntokens, {6 * 4 * 16} tokens in all" in card
    assert "It was stopped early, 12 steps were planned." in card
    assert "small and weak" in card
    assert f"| {held_out[-1]['loss']['xb']:.2f} |" in card


def test_the_caller_keeps_its_random_stream_and_threads(spec: PretrainingSpec, tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected, threads = torch.rand(3), torch.get_num_threads()
    torch.manual_seed(5)
    pretrain(changed(spec, steps=1), tmp_path / "model", threads=1)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_a_missing_corpus_is_reported_before_anything_is_made(spec: PretrainingSpec, tmp_path: Path) -> None:
    absent = changed(spec, corpora={**spec.corpora, "xc": (tmp_path / "corpora/xc.txt",)})
    with pytest.raises(DataError, match=r"xc: no such file .*; unknown file 'xc.txt'; did you mean 'xa.txt'"):
        pretrain(absent, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_another_spec_in_the_same_folder_is_refused(spec: PretrainingSpec, tmp_path: Path) -> None:
    pretrain(spec, tmp_path / "model", threads=1, stop_after=1)
    with pytest.raises(CheckpointError, match=r"another spec \(mask_rate was 0\.2, is 0\.3\)"):
        pretrain(changed(spec, mask_rate=0.3), tmp_path / "model")


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "not JSON"), ('{"name": "x"}', r"is no pretraining spec: .*steps: missing")],
)
def test_a_folder_with_a_broken_state_is_refused(
    spec: PretrainingSpec, tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "model" / "state").mkdir(parents=True)
    (tmp_path / "model" / "state" / "spec.json").write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=message):
        pretrain(spec, tmp_path / "model")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_type": "brt"}, "unknown architecture 'brt'"),
        ({"hidden_sise": 8}, "unknown bert option 'hidden_sise'; did you mean 'hidden_size'"),
        ({"vocab_size": 8}, "vocab_size comes from the tokenizer"),
        ({"num_attention_heads": 3}, "hidden size .* is not a multiple"),
        ({"max_position_embeddings": 8}, "sequence_length is 16, but max_position_embeddings is 8"),
    ],
)
def test_an_architecture_that_cannot_be_is_refused(
    spec: PretrainingSpec, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArchitectureError, match=message):
        pretrain(with_options(spec, **options), tmp_path / "model")


def test_an_architecture_without_masked_lm_is_refused(spec: PretrainingSpec, tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match="no masked-LM model can be made of 'gpt2'"):
        pretrain(changed(spec, architecture=Architecture(model_type="gpt2")), tmp_path / "model")


def test_the_rate_climbs_then_falls_to_nothing(spec: PretrainingSpec) -> None:
    rates = [
        linear_rate(spec.learning_rate, step, spec.steps, spec.warmup_steps) for step in range(spec.steps)
    ]
    assert rates[:3] == pytest.approx(
        [spec.learning_rate / 3, spec.learning_rate * 2 / 3, spec.learning_rate]
    )
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[-1] == pytest.approx(spec.learning_rate / 9)
