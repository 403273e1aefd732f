from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel, PreTrainedModel

from layerlab.ablation.interventions import FitDonor
from layerlab.ablation.interventions.donors import Donors
from layerlab.errors import CheckpointError, DonorError
from layerlab.models.encoder import Encoder


def test_fresh_weights_are_drawn_once(bert: PreTrainedModel) -> None:
    donors, encoder = Donors(seed=1), Encoder(bert)
    first = donors.fresh(encoder)
    assert donors.fresh(encoder, seed=1) is first
    assert donors.fresh(encoder, seed=2) is not first
    assert donors.fresh(encoder, "torch") is not first


def test_fresh_weights_leave_the_model_alone(model: PreTrainedModel) -> None:
    config, weights = model.config.to_dict(), {n: p.clone() for n, p in model.named_parameters()}
    fresh = Donors().fresh(Encoder(model), "library", 0)
    assert set(fresh) == set(weights)
    assert model.config.to_dict() == config
    assert all(torch.equal(parameter, weights[name]) for name, parameter in model.named_parameters())


def test_the_pretrained_checkpoint_is_where_the_model_came_from(
    bert: PreTrainedModel, checkpoint: Callable[..., Path]
) -> None:
    other = str(checkpoint("bert", seed=1))
    name = "encoder.layer.0.output.dense.weight"
    assert torch.equal(Donors().pretrained(Encoder(bert))[name], dict(bert.named_parameters())[name])
    named = Donors(pretrained=other)
    assert torch.equal(
        named.load("pretrained", Encoder(bert))[name], Donors().load(other, Encoder(bert))[name]
    )


def test_a_model_from_no_checkpoint_has_no_pretrained_weights(bert: PreTrainedModel) -> None:
    built = type(bert)(type(bert.config)(**{**bert.config.to_diff_dict(), "_name_or_path": ""}))
    with pytest.raises(DonorError, match=r"not loaded from a checkpoint; .*Donors\(pretrained=...\)"):
        Donors().pretrained(Encoder(built))


def test_fits_are_found_by_id(bert: PreTrainedModel, checkpoint: Callable[..., Path]) -> None:
    donors = Donors(fits={"abc123": checkpoint("bert", seed=1)})
    assert set(donors.load(FitDonor(fit="abc123"), Encoder(bert))) == {
        name for name, _ in bert.named_parameters()
    }
    with pytest.raises(DonorError, match="unknown fit 'abc12'; did you mean 'abc123'"):
        donors.load(FitDonor(fit="abc12"), Encoder(bert))
    with pytest.raises(DonorError, match=r"fit\(source=fr, seed=1\) names a fit by coordinates"):
        donors.load(FitDonor(source="fr", seed=1), Encoder(bert))


def test_a_donor_that_is_not_there_is_refused(bert: PreTrainedModel, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Donors().load(str(tmp_path / "nowhere"), Encoder(bert))


@pytest.fixture
def asked(bert: PreTrainedModel, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """What is asked of the Hub, as (id, revision); every answer is the tiny BERT."""
    found: list[tuple[str, str | None]] = []

    def give(name: str, *, revision: str | None = None, **options: Any) -> tuple[PreTrainedModel, Any]:
        found.append((name, revision))
        return bert, {"missing_keys": set()}

    monkeypatch.setattr(AutoConfig, "from_pretrained", lambda *args, **options: bert.config)
    monkeypatch.setattr(AutoModel, "from_pretrained", give)
    return found


def test_the_pretrained_checkpoint_is_loaded_in_its_revision(
    bert: PreTrainedModel, asked: list[tuple[str, str | None]]
) -> None:
    encoder = Encoder(bert)
    Donors("org/model", "v1").pretrained(encoder)
    Donors(pretrained="org/model@v2").load("pretrained", encoder)
    Donors(pretrained="org/model").pretrained(encoder)
    assert asked == [("org/model", "v1"), ("org/model", "v2"), ("org/model", None)]


def test_where_the_model_came_from_is_loaded_in_its_commit_or_in_the_revision_that_is_named(
    bert: PreTrainedModel, asked: list[tuple[str, str | None]]
) -> None:
    bert.config._name_or_path, bert.config._commit_hash = "org/model", "c0ffee"
    Donors().pretrained(Encoder(bert))
    Donors(revision="v1").pretrained(Encoder(bert))
    assert asked == [("org/model", "c0ffee"), ("org/model", "v1")]


def test_a_donor_may_name_its_revision(bert: PreTrainedModel, asked: list[tuple[str, str | None]]) -> None:
    donors = Donors("org/model", "v1")
    for _ in range(2):
        donors.load("org/other@v3", Encoder(bert))
    donors.load("org/other", Encoder(bert))
    assert asked == [("org/other", "v3"), ("org/other", None)]
