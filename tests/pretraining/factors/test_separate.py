"""Separate parameters: each language's own parts are read, trained and saved by language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM

from layerlab.errors import CheckpointError, SelectionError, StudyError
from layerlab.models.by_language.views import load_view
from layerlab.models.encoder import Encoder
from layerlab.nodes.kinds.pretraining import Pretraining, find_pretraining
from layerlab.pretraining.factors.separate import Separate
from layerlab.pretraining.model import build_model, build_views, check_architecture
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import PretrainingSpec, read_spec
from layerlab.pretraining.text.batches import Masked, drawn_within
from tests.fixtures.pretrainings import write_spec


def separate(spec: PretrainingSpec, **fields: Any) -> PretrainingSpec:
    return PretrainingSpec.model_validate({**spec.model_dump(), "factors": {"separate": fields}})


def facts(folder: Path) -> Any:
    return json.loads((folder / "training.json").read_text(encoding="utf-8"))


def own_of(spec: PretrainingSpec) -> set[str]:
    views = build_views(spec, 80)
    assert views is not None
    return set(views.own)


def test_what_is_separate_is_what_the_spec_names(spec: PretrainingSpec) -> None:
    softmax = "cls.predictions.bias"
    every = {name for name, _ in build_model(spec, 80).named_parameters()}
    embeddings = {name for name in every if name.startswith("bert.embeddings.")} | {softmax}
    lower = {name for name in every if ".layer.0." in name}
    attention = {name for name in every if ".attention." in name and "LayerNorm" not in name}
    assert own_of(separate(spec, embeddings=True)) == embeddings
    assert own_of(separate(spec, layers="first:1")) == lower
    assert own_of(separate(spec, layers="all", components="attention")) == attention
    assert own_of(separate(spec, embeddings=True, layers="0")) == embeddings | lower
    assert own_of(separate(spec, everything=True)) == every


def test_the_first_language_begins_as_the_plain_model_and_the_others_with_weights_of_their_own(
    spec: PretrainingSpec,
) -> None:
    plain = dict(build_model(spec, 80).named_parameters())
    views = build_views(separate(spec, layers="0"), 80)
    assert views is not None
    assert all(torch.equal(value, plain[name]) for name, value in views.models["xa"].named_parameters())
    other = dict(views.models["xb"].named_parameters())
    matrix = "bert.encoder.layer.0.output.dense.weight"
    assert not torch.equal(other[matrix], plain[matrix])
    assert other["bert.encoder.layer.1.output.dense.weight"] is views.first.get_parameter(
        "bert.encoder.layer.1.output.dense.weight"
    )


def test_views_that_are_equal_take_the_steps_of_the_plain_model(
    spec: PretrainingSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without dropout, routing sequences changes the order of sums alone."""
    options = {**spec.architecture.options, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    spec = spec.model_copy(update={"architecture": spec.architecture.model_copy(update={"options": options})})
    plain = facts(pretrain(spec, tmp_path / "plain", threads=1))["losses"]
    monkeypatch.setattr(Separate, "own_parameters", lambda *_: frozenset())
    routed = facts(pretrain(separate(spec, layers="0"), tmp_path / "routed", threads=1))["losses"]
    assert routed == pytest.approx(plain, rel=1e-5)


def test_a_language_that_no_sequence_is_of_learns_nothing_of_its_own(
    spec: PretrainingSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("layerlab.pretraining.run.shares", lambda *_: {"xa": 1.0, "xb": 0.0})
    folder = pretrain(separate(spec, layers="0"), tmp_path / "out", threads=1)
    begun = build_views(separate(spec, layers="0"), facts(folder)["vocabulary"])
    assert begun is not None
    for language, same in (("xa", False), ("xb", True)):
        before = begun.of_language(language)
        after = dict(load_view(AutoModelForMaskedLM, folder, language).named_parameters())
        assert all(torch.equal(after[name], value) for name, value in before.items()) == same


def test_a_stopped_pretraining_goes_on_with_equal_losses(spec: PretrainingSpec, tmp_path: Path) -> None:
    spec = separate(spec, embeddings=True, layers="0")
    whole = facts(pretrain(spec, tmp_path / "whole", threads=1))
    pretrain(spec, tmp_path / "stopped", threads=1, stop_after=7)
    gone_on = facts(pretrain(spec, tmp_path / "stopped", threads=1))
    assert gone_on["losses"] == whole["losses"]
    assert gone_on["held_out"] == whole["held_out"]
    check_result(tmp_path / "whole", spec)


def test_a_step_in_parts_is_the_step_of_the_whole(spec: PretrainingSpec, tmp_path: Path) -> None:
    options = {**spec.architecture.options, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    spec = spec.model_copy(update={"architecture": spec.architecture.model_copy(update={"options": options})})
    spec = separate(spec, layers="0")
    whole = facts(pretrain(spec, tmp_path / "whole", threads=1))["losses"]
    cut = facts(pretrain(spec.model_copy(update={"accumulate": 3}), tmp_path / "cut", threads=1))["losses"]
    assert cut == pytest.approx(whole, rel=1e-4)


def check_result(folder: Path, spec: PretrainingSpec) -> None:
    """It is one checkpoint by language, and its card says so."""
    encoder = Encoder.from_pretrained(str(folder), language="xb")
    assert encoder.languages == ("xa", "xb")
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "parameters of its own (the embeddings and the softmax and layers 0)" in card
    plain = sum(one.numel() for one in build_model(spec, facts(folder)["vocabulary"]).parameters())
    assert facts(folder)["parameters"] > plain


def test_a_random_piece_is_of_the_same_language() -> None:
    batch = np.array([[1, 6, 7, 8], [1, 20, 21, 22]], dtype=np.int32)
    masked = Masked(np.array([[1, 29, 7, 4], [1, 5, 21, 22]]), np.array([1, 3, 5]), np.array([6, 8, 20]))
    pieces = [np.array([6, 7, 8, 9]), np.array([20, 21, 22])]
    found = drawn_within(masked, batch, pieces, n_special=5, mask_id=4, n_vocab=30)
    assert found.input_ids.tolist() == [[1, 9, 7, 4], [1, 20, 21, 22]]
    assert found.positions is masked.positions


def test_each_kind_of_sharing_is_a_pretraining_of_its_own_and_none_is_that_of_the_plain_spec(
    spec: PretrainingSpec,
) -> None:
    specs = [
        spec,
        *(separate(spec, **one) for one in ({"embeddings": True}, {"layers": "0"}, {"everything": True})),
    ]
    assert len({Pretraining.of(one).id for one in specs}) == 4


def test_a_study_knows_the_languages_of_a_pretraining_before_it_is_there(spec_file: Path) -> None:
    found, _ = find_pretraining(str(write_spec(spec_file, factors={"separate": {"layers": 0}})))
    assert found.languages == ("xa", "xb")


def test_layers_that_are_not_there_are_refused_before_text_is_read(spec: PretrainingSpec) -> None:
    with pytest.raises(SelectionError, match="there is no layer 5"):
        check_architecture(separate(spec, layers="0-5"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "nothing is separate; expected embeddings: true, layers or everything: true"),
        ({"layers": "embeddings,0"}, "expected layers alone, such as 0-2"),
        ({"layers": "xa:0"}, "expected layers alone, such as 0-2"),
        ({"components": "ffn", "embeddings": True}, "components are parts of layers; give layers"),
        ({"everything": True, "layers": 0}, "leave embeddings and layers out"),
    ],
)
def test_what_cannot_be_separate_is_refused(spec_file: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        read_spec(write_spec(spec_file, factors={"separate": fields}))


def test_sequences_of_no_one_language_are_refused(spec_file: Path) -> None:
    parallel = {"corpora": {"xa": "a.tsv", "xb": "b.tsv"}, "share": 0.5}
    with pytest.raises(StudyError, match="parallel adds sequences that are of none"):
        read_spec(write_spec(spec_file, parallel=parallel, factors={"separate": {"layers": 0}}))
    with pytest.raises(StudyError, match="two languages at least"):
        read_spec(write_spec(spec_file, corpora={"xa": "xa.txt"}, factors={"separate": {"layers": 0}}))


def test_nothing_grows_from_a_checkpoint_by_language(spec: PretrainingSpec, tmp_path: Path) -> None:
    parent = pretrain(separate(spec, layers="0"), tmp_path / "parent", threads=1)
    with pytest.raises(CheckpointError, match="expected an encoder whose parts all languages share"):
        check_architecture(spec.model_copy(update={"grown_from": parent}))


def test_fields_name_selections(spec: PretrainingSpec) -> None:
    assert str(Separate.model_validate({"layers": [0, 1]}).layers) == "0,1"
