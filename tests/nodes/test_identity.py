from __future__ import annotations

import math

import pytest

from layerlab.nodes.identity import FitSpec, RunSpec, canonical_json


def make_fit(**changes: object) -> FitSpec:
    fields: dict[str, object] = {
        "checkpoint": "c0ffee",
        "task": "upos",
        "task_version": 1,
        "corpora": {"train": "a", "dev": "b"},
        "before": ({"reset": {"layers": "0-1", "to": "random"}},),
        "during": (),
        "seed": 0,
        "training": {"epochs": 3, "learning_rate": 5e-5},
    }
    return FitSpec(**{**fields, **changes})  # type: ignore[arg-type]


def test_identity_is_the_same_on_every_machine_and_day() -> None:
    """A change of these digests makes every result on users' disks unknown: raise SPEC_VERSION knowingly."""
    assert make_fit().id == "5a65d238490c"
    assert RunSpec("abc", (), {"en": "d1", "de": "d2"}).id == "7935343d0a4c"


@pytest.mark.parametrize(
    "changes",
    [
        {"checkpoint": "other"},
        {"task_version": 2},
        {"corpora": {"train": "a", "dev": "c"}},
        {"before": ()},
        {"during": ({"at": 0.5, "freeze": {"layers": "0"}},)},
        {"seed": 1},
        {"training": {"epochs": 4, "learning_rate": 5e-5}},
    ],
)
def test_whatever_can_change_a_number_changes_the_identity(changes: dict[str, object]) -> None:
    assert make_fit(**changes).id != make_fit().id


def test_order_of_keys_does_not_matter_and_scripts_are_kept() -> None:
    assert canonical_json({"b": "я", "a": 1e-5}) == '{"a":1e-05,"b":"я"}'


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        canonical_json({"a": math.nan})
