from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForMaskedLM

from layerlab.errors import ArchitectureError, CheckpointError
from layerlab.models.stored.bundled import bundled_folder
from layerlab.pretraining.model import build_model, check_architecture
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import Architecture, PretrainingSpec, read_spec

INPUT = torch.tensor([[2, 7, 9, 11, 30, 3], [2, 8, 8, 40, 12, 3]])


def modernbert(spec: PretrainingSpec, n_layers: int, **update: Any) -> PretrainingSpec:
    options = {
        "num_hidden_layers": n_layers,
        "hidden_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 32,
        "global_attn_every_n_layers": 1,
    }
    architecture = Architecture(model_type="modernbert", options=options)
    return spec.model_copy(update={"architecture": architecture, **update})


@pytest.fixture
def parent(spec: PretrainingSpec, tmp_path: Path) -> Path:
    return pretrain(modernbert(spec, 2), tmp_path / "parent", threads=1)


def logits(model: Any) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        result: torch.Tensor = model(input_ids=INPUT).logits
    return result


def test_the_same_depth_starts_from_the_very_weights(spec: PretrainingSpec, parent: Path) -> None:
    grown = build_model(modernbert(spec, 2, grown_from=parent), 80)
    torch.testing.assert_close(logits(grown), logits(AutoModelForMaskedLM.from_pretrained(parent)))


def test_split_layers_keep_the_function_nearly(spec: PretrainingSpec, parent: Path) -> None:
    whole = logits(AutoModelForMaskedLM.from_pretrained(parent))
    grown = logits(build_model(modernbert(spec, 6, grown_from=parent), 80))
    fresh = logits(build_model(modernbert(spec, 6), 80))
    assert (grown - whole).norm() < 0.1 * (fresh - whole).norm()


def test_each_layer_becomes_neighbouring_copies_with_damped_outputs(
    spec: PretrainingSpec, parent: Path
) -> None:
    before = AutoModelForMaskedLM.from_pretrained(parent).model.layers
    after = build_model(modernbert(spec, 6, grown_from=parent), 80).model.layers
    for number, layer in enumerate(after):
        origin = before[number // 3]
        torch.testing.assert_close(layer.attn.Wqkv.weight, origin.attn.Wqkv.weight)
        torch.testing.assert_close(layer.mlp.Wo.weight * 3, origin.mlp.Wo.weight)
        torch.testing.assert_close(layer.attn.Wo.weight * 3, origin.attn.Wo.weight)


def test_a_post_norm_encoder_grows_by_plain_copies(spec: PretrainingSpec, tmp_path: Path) -> None:
    parent = pretrain(spec, tmp_path / "parent", threads=1)
    options = {**spec.architecture.options, "num_hidden_layers": 4}
    deeper = Architecture(model_type="bert", options=options)
    grown = build_model(spec.model_copy(update={"architecture": deeper, "grown_from": parent}), 80)
    before = AutoModelForMaskedLM.from_pretrained(parent).bert.encoder.layer
    for number, layer in enumerate(grown.bert.encoder.layer):
        for one, other in zip(layer.parameters(), before[number // 2].parameters(), strict=True):
            torch.testing.assert_close(one, other)


def test_a_grown_encoder_trains_on_with_its_parent_s_tokenizer(
    spec: PretrainingSpec, parent: Path, tmp_path: Path
) -> None:
    grown = pretrain(modernbert(spec, 4, grown_from=parent, vocab_size=60), tmp_path / "grown", threads=1)
    one, other = ((folder / "tokenizer.json").read_text(encoding="utf-8") for folder in (parent, grown))
    assert one == other
    assert "grown from another encoder, parent" in (grown / "README.md").read_text(encoding="utf-8")


def test_what_cannot_be_grown_is_refused_before_any_text_is_read(
    spec: PretrainingSpec, parent: Path, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="no encoder in .*nowhere"):
        check_architecture(modernbert(spec, 2, grown_from=tmp_path / "nowhere"))
    with pytest.raises(ArchitectureError, match="has 2 layers; expected a divisor of 3"):
        check_architecture(modernbert(spec, 3, grown_from=parent))
    with pytest.raises(ArchitectureError, match="model_type of .* is 'modernbert', expected 'bert'"):
        check_architecture(spec.model_copy(update={"grown_from": parent}))


def test_stacked_layers_keep_those_below_and_the_function_nearly(spec: PretrainingSpec, parent: Path) -> None:
    before = AutoModelForMaskedLM.from_pretrained(parent)
    after = build_model(modernbert(spec, 6, grown_from=parent, growth="stack"), 80)
    fresh = build_model(modernbert(spec, 6), 80)
    for old, new in zip(before.model.layers, after.model.layers, strict=False):
        torch.testing.assert_close(new.state_dict(), old.state_dict())
    for new, made in zip(after.model.layers[2:], fresh.model.layers[2:], strict=True):
        torch.testing.assert_close(new.state_dict(), made.state_dict())
    assert (logits(after) - logits(before)).norm() < 0.1 * (logits(fresh) - logits(before)).norm()


def test_the_training_of_a_bundled_encoder_can_go_on_by_its_name(tmp_path: Path) -> None:
    text = "name: more\nsteps: 1\narchitecture: {model_type: modernbert}\ncorpora: {xa: a.txt}\n"
    (tmp_path / "more.yaml").write_text(text + "grown_from: minimbert-controlled\n", encoding="utf-8")
    assert read_spec(tmp_path / "more.yaml").grown_from == bundled_folder("minimbert-controlled")
    (tmp_path / "minimbert-controlled").mkdir()
    assert read_spec(tmp_path / "more.yaml").grown_from == tmp_path / "minimbert-controlled"
