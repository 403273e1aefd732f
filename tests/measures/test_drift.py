"""Drift is the distance of weight vectors, layer by layer."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, PreTrainedModel

from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import Reset
from layerlab.errors import DataError
from layerlab.measures.drift import Drift, weight_drift
from layerlab.models.encoder import Encoder


def moved(model: PreTrainedModel, scale: float = 0.1) -> PreTrainedModel:
    """Return a copy with noise on every weight."""
    other = copy.deepcopy(model)
    stream = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(scale * torch.randn(weight.shape, generator=stream))
    return other


def by_hand(before: torch.nn.Module, after: torch.nn.Module, names: list[str]) -> tuple[float, float, int]:
    """Compare weights as one numpy vector each."""
    x, y = (
        np.concatenate([dict(model.named_parameters())[name].detach().numpy().ravel() for name in names])
        for model in (before, after)
    )
    x, y = x.astype(np.float64), y.astype(np.float64)
    norms = np.linalg.norm(x), np.linalg.norm(y)
    return float(np.linalg.norm(y - x) / norms[0]), float(x @ y / norms[0] / norms[1]), len(x)


def test_every_architecture_agrees_with_vectors_made_by_hand(
    architecture: str, checkpoint: Callable[..., Path], load: Callable[[Path], PreTrainedModel]
) -> None:
    before = load(checkpoint(architecture))
    after = moved(before)
    encoder = Encoder(before)
    found = list(weight_drift(before, after))
    assert {one.layer for one in found} == set(range(encoder.n_layers + 1))
    for one in found:
        part = "embeddings" if one.layer == 0 else one.layer - 1
        names = [
            name
            for name, owner in encoder.part_of.items()
            if owner == part
            and (not one.component or encoder.component_of[encoder.inside_layer(name)] == one.component)
        ]
        distance, cosine, n = by_hand(encoder.base, after.base_model, names)
        assert (one.distance, one.cosine) == pytest.approx((distance, cosine), rel=1e-9), one
        assert one.n == n
    first = [one for one in found if one.layer == 1]
    assert {one.component for one in first} == {"", "attention", "ffn", "norm"}
    assert sum(one.n for one in first if one.component) == first[0].n


def test_a_reset_layer_alone_has_drifted(tiny_encoder: Path) -> None:
    before = Encoder.from_pretrained(str(tiny_encoder))
    after = Encoder.from_pretrained(str(tiny_encoder))
    apply(Reset("2", components=("ffn",), to="random", seed=3), after)
    values = {(one.layer, one.component): one for one in weight_drift(before, after)}
    assert {key for key, one in values.items() if one.distance > 0} == {(3, ""), (3, "ffn")}
    assert all(one.cosine == pytest.approx(1) for key, one in values.items() if key[0] != 3)
    # Two draws of the same initialiser are as good as orthogonal.
    assert values[3, "ffn"].cosine == pytest.approx(0, abs=0.1)
    assert values[3, "ffn"].distance == pytest.approx(math.sqrt(2), abs=0.1)


def test_a_part_of_zeros_has_neither_distance_nor_cosine(tiny_encoder: Path) -> None:
    model = AutoModel.from_pretrained(tiny_encoder)
    with torch.no_grad():
        for weight in model.embeddings.parameters():
            weight.zero_()
    first: Drift = next(weight_drift(model, moved(model)))
    assert math.isnan(first.distance)
    assert math.isnan(first.cosine)


def test_models_of_other_depth_or_width_are_refused(tiny_encoder: Path) -> None:
    model = AutoModel.from_pretrained(tiny_encoder)
    with pytest.raises(DataError, match="4 and 2 layers"):
        list(weight_drift(model, AutoModel.from_pretrained(tiny_encoder, num_hidden_layers=2)))
    config = copy.deepcopy(model.config)
    config.intermediate_size = 32
    with pytest.raises(DataError, match=r"differ at encoder\.layer\.0.*expected weights of the same"):
        list(weight_drift(model, type(model)(config)))
