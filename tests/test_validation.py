from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator
from pydantic.dataclasses import dataclass

from layerlab.config import parse_yaml
from layerlab.errors import Problem, SelectionError, StudyError
from layerlab.validation import validate

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


class Place(BaseModel):
    model_config = STRICT
    root: str | None = None
    limit: dict[Literal["train", "dev"], Annotated[int, Field(ge=1)]] = {}


class File(BaseModel):
    model_config = STRICT
    hub: str
    column: str = "text"


@dataclass(config=ConfigDict(extra="forbid"))
class Donor:
    source: str
    seed: int = 0


def check_layers(value: Any) -> Any:
    if value == "x":
        raise SelectionError("cannot read 'x'")
    if value == "y":
        raise StudyError([Problem("first", "is wrong"), Problem("", "is odd")])
    if value == "z":
        raise ValueError("expected layers")
    return value


Text = Annotated[
    Annotated[Path, Tag("file")] | Annotated[File, Tag("hub")],
    Discriminator(lambda value: "hub" if isinstance(value, Mapping) else "file"),
]


class Whole(BaseModel):
    model_config = STRICT
    name: str = Field(pattern="^[a-z]+$")
    places: Place | dict[str, Place] = Place()
    texts: dict[str, tuple[Text, ...]] = {}
    rate: float | None = Field(default=None, gt=0, lt=1)
    steps: Annotated[int, Field(ge=1)] = 1
    mode: Literal["mean", "first"] = "mean"
    names: Annotated[Sequence[str], AfterValidator(tuple)] = Field(default=("a",), min_length=1)
    donor: str | Donor = "own"
    layers: Annotated[str, AfterValidator(check_layers)] = "all"
    both: int | bool = 1
    good: bool = True

    @field_validator("texts", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return {key: one if isinstance(one, list) else [one] for key, one in value.items()}


def problems(text: str) -> list[str]:
    plain, lines = parse_yaml(f"name: a\n{text}", "file", "here")
    value, found = validate(Whole, plain, lines=lines)
    assert (value is None) == bool(found)
    return [str(problem) for problem in found]


KEYS = "both, donor, good, layers, mode, name, names, places, rate, steps, texts"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stps: 1", f"stps: unknown key 'stps'; did you mean 'steps'? Known: {KEYS}"),
        ("steps: 0", "steps: expected at least 1, got 0"),
        ("steps: 1.5", "steps: expected a whole number, got 1.5"),
        ("steps: many", "steps: expected a whole number, got 'many'"),
        ("steps: null", "steps: expected a whole number, got null"),
        ("rate: 0", "rate: expected more than 0, got 0"),
        ("rate: 1", "rate: expected less than 1, got 1"),
        ("rate: a", "rate: expected a number, got 'a'"),
        ("mode: maen", "mode: expected 'mean' or 'first', got 'maen'; did you mean 'mean'?"),
        ("names: 3", "names: expected a list, got 3"),
        ("names: [1]", "names[0]: expected text, got 1"),
        ("names: []", "names: expected at least 1 of them, got []"),
        ("good: 3", "good: expected true or false, got 3"),
        ("places: 3", "places: expected a mapping, got 3"),
        ("places: {root: a, limit: {train: 0}}", "places.limit.train: expected at least 1, got 0"),
        (
            "places: {root: a, limit: {trian: 1}}",
            "places.limit.trian: expected 'train' or 'dev', got 'trian'; did you mean 'train'?",
        ),
        ("places: {rot: a}", "places.rot: unknown key 'rot'; did you mean 'root'? Known: limit, root"),
        ("places: {root: 3}", "places.root: expected text, got 3"),
        ("places: {upos: {limit: {dev: 0}}}", "places.upos.limit.dev: expected at least 1, got 0"),
        (
            "places: {upos: {root: a}, ner: {rot: a}}",
            "places.ner.rot: unknown key 'rot'; did you mean 'root'? Known: limit, root",
        ),
        (
            "texts: {a: {hub: b, colum: c}}",
            "texts.a.colum: unknown key 'colum'; did you mean 'column'? Known: column, hub",
        ),
        ("texts: {a: [{hub: 1}]}", "texts.a[0].hub: expected text, got 1"),
        ("texts: {a: [x, {column: y}]}", "texts.a[1].hub: missing; texts.a[1] needs it"),
        ("texts: {a: 3}", "texts.a: expected a path, got 3"),
        ("donor: {sorce: a}", "donor.source: missing; donor needs it"),
        (
            "donor: {source: a, sed: 1}",
            "donor.sed: unknown key 'sed'; did you mean 'seed'? Known: seed, source",
        ),
        ("donor: {source: a, seed: x}", "donor.seed: expected a whole number, got 'x'"),
        ("donor: 3", "donor: expected text or a mapping, got 3"),
        ("layers: x", "layers: cannot read 'x'"),
        ("layers: z", "layers: expected layers; got 'z'"),
    ],
)
def test_one_mistake_is_one_problem_at_its_deepest_place(text: str, expected: str) -> None:
    assert f"line 2: {expected}" in problems(text)


@pytest.mark.parametrize(
    "text",
    [
        "places: {root: a, limit: {train: 0}}",
        "places: {root: a, rot: b}",
        "places: 3",
        "places: {upos: {limit: {dev: 0}}}",
        "texts: {a: 3}",
        "donor: 3",
        "names: [1]",
    ],
)
def test_alternatives_that_were_not_meant_are_not_complained_about(text: str) -> None:
    assert len(problems(text)) == 1


def test_several_mistakes_are_several_problems() -> None:
    found = problems("places: {rot: a, limit: {train: 0}}\nsteps: 0\ndonor: {sorce: a}")
    assert [one.partition(":")[2].split(":")[0].strip() for one in found] == [
        "places.limit.train", "places.rot", "steps", "donor.source", "donor.sorce",
    ]  # fmt: skip


def test_an_error_with_problems_of_its_own_keeps_their_places() -> None:
    assert problems("layers: y") == ["line 2: layers.first: is wrong", "line 2: layers: is odd"]


def test_what_is_missing_is_said() -> None:
    assert [str(one) for one in validate(Whole, {})[1]] == ["name: missing; it is needed"]


def test_numbers_that_are_not_finite_are_refused_from_python_too() -> None:
    found = validate(Whole, {"name": "a", "rate": float("inf")})[1]
    assert [str(one) for one in found] == ["rate: expected a finite number or null, got inf"]


def test_problems_stand_below_where_the_values_are() -> None:
    value, (problem,) = validate(Donor, {"source": 3}, below=("ablations", 2, "donor"))
    assert (value, str(problem)) == (None, "ablations[2].donor.source: expected text, got 3")
