"""Amount, ratio, domains, masks, sizes and kept encoders of a pretraining are fields of its spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from layerlab.errors import ArchitectureError, DataError, StudyError
from layerlab.models.checkpoints import find_checkpoint
from layerlab.pretraining.budget import count_layer_parameters
from layerlab.pretraining.identity import identity_of_pretraining
from layerlab.pretraining.material import check_material, language_paragraphs, prepare
from layerlab.pretraining.model import check_architecture
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import PretrainingSpec, read_spec
from layerlab.pretraining.text.batches import Order, mask, shares
from tests.fixtures.pretrainings import write_spec


def changed(spec: PretrainingSpec, **changes: Any) -> PretrainingSpec:
    return PretrainingSpec.model_validate(spec.model_dump(mode="json") | changes)


#: The losses of the fixture's spec before any of these fields was there; rounding differs between machines.
LOSSES = (4.37797, 4.37566, 4.30590, 4.30548, 4.34866, 4.24164, 4.23376, 4.19453, 4.11718, 4.10818)
DEFAULTS: dict[str, Any] = {
    "factors": {"vocabulary": "joint"},
    "amount": {},
    "ratio": {},
    "random_replacement": 0.1,
    "keep_at": [],
}


def test_a_spec_with_every_factor_at_its_default_has_the_id_and_losses_that_it_had(
    spec: PretrainingSpec, tmp_path: Path
) -> None:
    plain = changed(spec, **DEFAULTS)
    assert identity_of_pretraining(plain) == identity_of_pretraining(spec)
    assert set(identity_of_pretraining(plain)) == {
        "version", "architecture", "corpora", "vocab_size", "sequence_length", "batch_sequences",
        "learning_rate", "warmup_steps", "steps", "held_out_sequences",
    }  # fmt: skip
    folder = pretrain(plain, tmp_path / "out", threads=1)
    losses = json.loads((folder / "training.json").read_text(encoding="utf-8"))["losses"]
    assert losses[:10] == pytest.approx(LOSSES, abs=2e-4)


def test_every_field_that_changes_the_encoder_changes_the_id(spec: PretrainingSpec) -> None:
    texts = spec.model_dump(mode="json")["corpora"]
    said = {"controlled": "avin", "sentences": 9}
    of_xa: list[Any] = [{"artificial": "inverted", "of": texts["xa"][0]}, said, said | {"domain": "talk"}]
    others: list[dict[str, Any]] = [
        {"amount": {"xa": 0.5}},
        {"amount": {"xb": 0.5}},
        {"ratio": {"xa": 1, "xb": 2}},
        {"random_replacement": 0},
        *({"corpora": texts | {"xa": text}} for text in of_xa),
    ]
    found = {json.dumps(identity_of_pretraining(changed(spec, **one)), sort_keys=True) for one in others}
    assert len(found | {json.dumps(identity_of_pretraining(spec), sort_keys=True)}) == len(others) + 1
    assert identity_of_pretraining(changed(spec, keep_at=[3])) == identity_of_pretraining(spec)


def test_a_language_may_have_less_text_and_more_of_the_sequences(
    spec: PretrainingSpec, tmp_path: Path
) -> None:
    less = changed(spec, amount={"xb": 0.5}, ratio={"xa": 1, "xb": 3}, steps=100, held_out_sequences=2)
    whole, half = (language_paragraphs(one, "xb") for one in (spec, less))
    assert half == whole[::2]
    material = prepare(less, tmp_path / "out")
    assert material.n_tokens["xb"] < material.n_tokens["xa"]
    drawn = shares({"xa": 1000, "xb": 10}, less.sampling_exponent, less.fixed_shares(), less.ratio)
    sequences = {key: packed.train for key, packed in material.packed.items()}
    seen = Order(sequences, drawn, 4, 100, 0).sequences_seen(100)
    assert seen["xb"] / seen["xa"] == pytest.approx(3, rel=0.35)


def test_without_random_replacement_no_other_token_is_put_in() -> None:
    batch = np.tile(np.arange(100, 200, dtype=np.int32), (20, 1))
    options = {"n_special": 5, "mask_id": 4, "n_vocab": 1000}
    for replaced, expected in ((0.1, 0.1), (0.0, 0.0), (0.2, 0.2)):
        stream = np.random.default_rng(0)
        masked = mask(batch, 0.5, stream, replaced=replaced, **options)
        read = masked.input_ids.ravel()[masked.positions]
        strange = (read != 4) & (read != masked.targets)
        assert np.mean(read == 4) == pytest.approx(0.8, abs=0.05)
        assert np.mean(strange) == pytest.approx(expected, abs=0.03)


def test_domains_and_artificial_texts_are_texts_of_a_spec(spec: PretrainingSpec) -> None:
    said = {"controlled": "avin", "sentences": 40}
    own = {"name": "own", "topics": [1, 4], "speech": "talk"}
    texts = {
        "xa": said | {"domain": "talk"},
        "xb": {"artificial": ["inverted", "fake"], "of": said | {"domain": own}},
        "xc": {"artificial": "inverted", "of": {"artificial": "inverted", "of": said}},
        "xd": said,
    }
    made = changed(spec, corpora=texts)
    check_material(made)
    assert language_paragraphs(made, "xc") == language_paragraphs(made, "xd")
    questions = {key: " ".join(language_paragraphs(made, key)).count("?") for key in texts}
    assert questions["xa"] > 2 * questions["xd"]
    assert questions["xb"] > 2 * questions["xd"]
    with pytest.raises(DataError, match="unknown domain 'tolk'; did you mean 'talk'"):
        check_material(changed(spec, corpora={"xa": said | {"domain": "tolk"}}))
    with pytest.raises(DataError, match="no such file"):
        check_material(changed(spec, corpora={"xa": {"artificial": "fake", "of": "gone.txt"}}))


@pytest.mark.parametrize("depth", [2, 4, 8])
def test_layers_of_any_depth_have_the_size_of_the_budget(spec: PretrainingSpec, depth: int) -> None:
    options = {"num_hidden_layers": depth, "num_attention_heads": 2, "max_position_embeddings": 32}
    budget = {"model_type": "bert", "layer_parameters": 300_000, "options": options}
    config = check_architecture(changed(spec, architecture=budget))
    sizes = {"hidden_size": config.hidden_size, "intermediate_size": config.intermediate_size}
    assert count_layer_parameters("bert", options | sizes) == pytest.approx(300_000, rel=0.1)
    assert config.intermediate_size == 4 * config.hidden_size
    wide = changed(spec, architecture=budget | {"options": options | {"hidden_size": 16}})
    with pytest.raises(ArchitectureError, match="leave hidden_size out"):
        check_architecture(wide)


def test_encoders_are_kept_on_the_way_and_are_those_of_a_pretraining_stopped_there(
    spec: PretrainingSpec, tmp_path: Path
) -> None:
    kept = changed(spec, keep_at=[3, 8], factors={"vocabulary": "none"})
    for stop in (5, None):  # the first is from before a stop
        pretrain(kept, tmp_path / "out", threads=1, stop_after=stop)
    pretrain(kept, tmp_path / "out", threads=1, into=tmp_path / "into")
    stopped = pretrain(changed(kept, keep_at=[]), tmp_path / "stopped", threads=1, stop_after=8)
    for folder in (tmp_path / "out", tmp_path / "into"):
        assert sorted(path.name for path in (folder / "kept").iterdir()) == ["3", "8"]
        one, other = (load_file(place / "model.safetensors") for place in (folder / "kept/8", stopped))
        assert all(torch.equal(one[name], other[name]) for name in other)
    assert find_checkpoint(str(tmp_path / "into/kept/3")).n_layers == 2
    assert (tmp_path / "into/kept/3/languages.json").is_file()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amount": {"xz": 0.5}}, "amount: unknown language 'xz'"),
        ({"ratio": {"xa": 1}}, "ratio: expected a weight for each language; there is none for xb"),
        ({"keep_at": [7]}, "keep_at: step 7 is after the last one, 6"),
        ({"random_replacement": 0.3}, "random_replacement: expected at most 0.2"),
        ({"corpora": {"xa": {"artificial": "upside", "of": "xa.txt"}}}, "upside"),
    ],
)
def test_fields_that_cannot_be_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        read_spec(write_spec(tmp_path / "spec.yaml", **changes))
