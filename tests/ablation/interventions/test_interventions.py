from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from layerlab.ablation.interventions import (
    FitDonor,
    Freeze,
    Interpolate,
    Intervention,
    Permute,
    PruneHeads,
    Rate,
    Reset,
    Scale,
    ShufflePieces,
    Skip,
    Swap,
    Unfreeze,
    from_dict,
    kind_of,
    known_interventions,
    options_of,
    to_dict,
)
from layerlab.errors import StudyError
from layerlab.models.layers import Layers

EXAMPLES: list[Intervention] = [
    Reset("0-1"),
    Reset("embeddings,last:2", to="pretrained", seed=3, components=("attention", "norm")),
    Reset("even", init="torch", seed=0),
    Swap("8-11", donor="path/to/fit"),
    Swap("0", donor=FitDonor(source="fr", seed=1), from_layers="last:1", components="ffn"),
    Swap("0", donor=FitDonor(fit="abc123")),
    Permute("0-2", order=(2, 0, 1)),
    Permute("all", seed=7),
    Scale("3", factor=0.1),
    Scale("3", factor=2e-5, donor="pretrained"),
    Scale("3", factor=-1.0, donor=FitDonor(task="ner", ablation="reset(0-1)@before")),
    Interpolate(FitDonor(source="fr"), 0.3),
    Interpolate(FitDonor(source="fr", seed=1), weight=-0.5, layers="0-5"),
    Freeze("0-5"),
    Freeze("embeddings", dropout=False),
    Unfreeze("4-5", components=["attention"]),
    Rate("0-5", 0.1),
    Rate("embeddings,all", decay=0.95),
    Skip("2"),
    Skip("2", components=("attention", "ffn")),
    PruneHeads("0-1", heads=[0, 5]),
    ShufflePieces(),
    ShufflePieces(pieces="5-99", seed=2),
]


@pytest.mark.parametrize("item", EXAMPLES, ids=repr)
def test_every_intervention_goes_to_yaml_and_back(item: Intervention) -> None:
    plain = to_dict(item)
    assert json.loads(json.dumps(plain)) == plain
    assert from_dict(plain) == item
    stream = io.StringIO()
    YAML(typ="safe").dump(plain, stream)
    assert YAML(typ="safe").load(stream.getvalue()) == plain
    assert from_dict(YAML(typ="safe").load(stream.getvalue())) == item
    assert from_dict({kind_of(item): {"layers": str(item.layers), **options_of(item)}}) == item


def test_the_examples_hold_every_kind() -> None:
    own = {
        kind
        for kind, cls in known_interventions().items()
        if cls.__module__.startswith("layerlab.ablation.inter")
    }
    assert {kind_of(item) for item in EXAMPLES} == own
    assert own == {
        "reset", "swap", "permute", "scale", "interpolate", "freeze", "unfreeze", "rate", "skip",
        "prune_heads", "shuffle_pieces",
    }  # fmt: skip


@pytest.mark.parametrize("item", EXAMPLES, ids=repr)
def test_interventions_are_frozen_hashable_values(item: Intervention) -> None:
    assert hash(item) == hash(from_dict(to_dict(item)))
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'layers'"):
        item.layers = Layers("0")  # type: ignore[misc]
    other = "embeddings" if isinstance(item, ShufflePieces) else "1"
    replaced = dataclasses.replace(item, layers=other)  # type: ignore[type-var]
    assert replaced.layers == Layers(other)


def test_all_fields_are_written() -> None:
    assert to_dict(Reset(3)) == {
        "reset": {"layers": "3", "to": "random", "init": "library", "seed": None, "components": []}
    }
    donor = {"source": "fr", "seed": None, "ablation": None, "task": None, "fit": None}
    swap = Swap("0", FitDonor("fr"))
    assert to_dict(swap) == {"swap": {"layers": "0", "donor": donor, "from_layers": None, "components": []}}


def test_only_what_differs_from_the_defaults_is_an_option() -> None:
    assert options_of(Reset("0")) == {}
    assert options_of(Reset("0", to="pretrained", components="norm")) == {
        "to": "pretrained",
        "components": ["norm"],
    }
    assert options_of(Scale("0", factor=0.5)) == {"factor": 0.5}
    assert options_of(Swap("0", donor=FitDonor(source="fr"))) == {"donor": {"source": "fr"}}


def test_phases_say_where_a_kind_makes_sense() -> None:
    kinds = known_interventions()
    assert kinds["reset"].phases == {"before", "during", "after"}
    assert kinds["freeze"].phases == {"before", "during"}
    assert kinds["unfreeze"].phases == {"during"}


def test_a_path_is_a_donor(tmp_path: Path) -> None:
    assert Swap("0", donor=tmp_path).donor == str(tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"rest": {"layers": "0"}}, "", "unknown intervention 'rest'; did you mean 'reset'? Known: freeze"),
        ({"reset": {"layers": "0", "sede": 1}}, "reset.sede", "unknown key 'sede'; did you mean 'seed'?"),
        ({"reset": {}}, "reset.layers", "missing; reset needs it"),
        ({"reset": {"layers": "-1"}}, "reset.layers", "negative layer '-1'"),
        (
            {"reset": {"layers": "0", "to": "randm"}},
            "reset.to",
            "expected 'random' or 'pretrained', got 'randm'; did you mean 'random'",
        ),
        ({"reset": {"layers": "0", "seed": -1}}, "reset.seed", "expected at least 0, got -1"),
        (
            {"reset": {"layers": "0", "components": "fnn"}},
            "reset.components",
            "'attention', 'ffn' or 'norm'",
        ),
        ({"reset": {"layers": "0", "components": ["ffn", "ffn"]}}, "reset.components", "listed twice"),
        ({"reset": "0-1"}, "reset", "expected fields such as {reset: {layers: 0-1}}, got '0-1'"),
        ({"swap": {"layers": "0"}}, "swap.donor", "missing; swap needs it"),
        ({"swap": {"layers": "0", "donor": {"sorce": "fr"}}}, "swap.donor.sorce", "did you mean 'source'?"),
        ({"swap": {"layers": "0", "donor": 3}}, "swap.donor", "got 3"),
        ({"scale": {"layers": "0", "factor": float("nan")}}, "scale.factor", "finite number"),
        ({"permute": {"layers": "embeddings,0"}}, "permute.layers", "cannot take a layer's place"),
        (
            {"permute": {"layers": "3-5", "order": [3, 4, 5]}},
            "permute.order",
            "leaves every layer where it is",
        ),
        (
            {"scale": {"layers": "0", "factor": 1}},
            "scale.factor",
            "a factor of 1 leaves every weight as it is",
        ),
        ({"skip": {"layers": "embeddings,0"}}, "skip.layers", "there are no hidden states before them"),
        ({"skip": {"layers": "0", "components": "norm"}}, "skip.components", "norms cannot be skipped"),
        ({"reset": {"layers": "0"}, "skip": {"layers": "0"}}, "", "expected one `kind: {fields}`"),
        ({}, "", "expected one `kind: {fields}`"),
        ("reset", "", "expected one `kind: {fields}`"),
    ],
)
def test_mistakes_name_the_field_and_what_is_expected(value: Any, path: str, message: str) -> None:
    with pytest.raises(StudyError, match="intervention") as caught:
        from_dict(value)
    assert [problem.path for problem in caught.value.problems] == [path]
    assert message in caught.value.problems[0].message


def test_all_mistakes_of_an_intervention_are_listed() -> None:
    with pytest.raises(StudyError, match="intervention 'reset': 3 problems") as caught:
        from_dict({"reset": {"layers": "x", "to": "y", "z": 1}})
    assert {problem.path for problem in caught.value.problems} == {"reset.layers", "reset.to", "reset.z"}


def test_python_mistakes_are_refused_too() -> None:
    with pytest.raises(ValidationError, match="write last:K"):
        Reset("-1")
    with pytest.raises(ValidationError, match="norms cannot be skipped"):
        Skip("0", components="norm")


def test_a_misspelt_field_and_the_one_that_is_missing_are_both_told() -> None:
    with pytest.raises(StudyError, match="reset.layer: unknown key 'layer'; did you mean 'layers'") as caught:
        from_dict({"reset": {"layer": "0"}})
    assert {problem.path for problem in caught.value.problems} == {"reset.layer", "reset.layers"}


def test_the_order_of_components_is_no_part_of_the_identity() -> None:
    assert Reset("0", components=("norm", "attention")) == Reset("0", components=("attention", "norm"))
