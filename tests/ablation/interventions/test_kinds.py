from __future__ import annotations

import dataclasses
import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from layerlab.ablation.interventions import (
    Freeze,
    Intervention,
    Reset,
    Skip,
    Unfreeze,
    changes_output,
    from_dict,
    intervention,
    is_standing,
    kinds,
    known_interventions,
    to_dict,
)
from layerlab.models.layers import Layers
from layerlab.names import entry_words


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it; the built-in ones are there before it."""
    known_interventions()
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))


def make_class() -> type[Any]:
    class Doubling:
        layers: Layers
        times: int = 1

        def weights(self, encoder: Any, donors: Any) -> dict[str, Any]:
            return {n: p.detach() * 2**self.times for n, p in encoder.parameters(self.layers).items()}

    return Doubling


def test_a_registered_class_becomes_a_frozen_dataclass_that_is_written_and_read() -> None:
    made: Any = intervention("test-double", phases=("after",))(make_class())
    assert (made.kind, made.phases) == ("test-double", frozenset({"after"}))
    item = made("0-1", times=2)
    assert to_dict(item) == {"test-double": {"layers": "0-1", "times": 2}}
    assert from_dict(to_dict(item)) == item
    assert known_interventions()["test-double"] is made


def test_an_intervention_says_what_reports_call_it() -> None:
    doubling = make_class()
    doubling.participle = "doubled"
    intervention("test-double", phases=("after",))(doubling)
    entry = {"phase": "after", "kind": "test-double", "layers": "0", "times": 2}
    assert entry_words(entry) == "doubled after fine-tuning (times 2)"


def test_an_intervention_says_whether_it_stands_and_whether_it_changes_the_output() -> None:
    items: list[Intervention] = [Reset("0"), Skip("0"), Freeze("0"), Unfreeze("0")]
    assert [is_standing(item) for item in items] == [False, True, True, True]
    assert [changes_output(item) for item in items] == [True, True, False, False]


def test_a_user_says_whether_an_intervention_changes_the_output_by_argument_or_attribute() -> None:
    by_argument: Any = intervention("test-double", changes_output=False)(make_class())
    cls = make_class()
    cls.changes_output = False
    by_attribute: Any = intervention("test-double")(cls)
    by_default: Any = intervention("test-double")(make_class())
    assert [changes_output(made("0")) for made in (by_argument, by_attribute, by_default)] == [
        False,
        False,
        True,
    ]


def test_a_class_may_be_defined_again_as_notebooks_do() -> None:
    for _ in range(2):
        intervention("test-double")(make_class())


def test_a_taken_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'reset' exists already: layerlab\..*\.reset\.Reset"):
        intervention("reset")(make_class())


@pytest.mark.parametrize(
    ("namespace", "message"),
    [
        ({"__annotations__": {}, "weights": lambda self: {}}, "needs a field `layers: Selection`"),
        ({"__annotations__": {"layers": Layers}}, "needs a method `weights` .* or `hold`"),
        (
            {"__annotations__": {"layers": Layers}, "weights": lambda self: {}, "hold": lambda self: None},
            "needs a method `weights` .* or `hold` .* and not both",
        ),
    ],
)
def test_a_class_that_is_no_intervention_is_refused(namespace: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        intervention("test-x")(type("X", (), namespace))


def test_a_class_that_is_a_dataclass_already_is_refused() -> None:
    with pytest.raises(ValueError, match="leave out @dataclass above Doubling"):
        intervention("test-x")(dataclasses.dataclass(frozen=True)(make_class()))


def test_a_class_can_be_registered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = intervention("test-x", phases=("before",))(make_class())
    monkeypatch.delitem(kinds._KINDS, "test-x")
    again = intervention("test-x", phases=("after",))(made)
    assert again is made
    assert known_interventions()["test-x"] is made
    assert made.phases == {"after"}


def test_an_unknown_phase_is_refused() -> None:
    with pytest.raises(ValueError, match=r"phases are some of before, during, after, got \['later'\]"):
        intervention("test-x", phases=("later",))


def test_entry_points_register_interventions(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []

    class Offered(EntryPoint):
        def load(self) -> Any:
            loaded.append(self.name)
            return intervention("test-offered")(make_class())

    offered = Offered(name="offered", value="package:Doubling", group=kinds.ENTRY_POINTS)
    monkeypatch.setattr(kinds, "entry_points", lambda group: [offered])
    kinds._load_packages.cache_clear()
    assert "test-offered" in known_interventions()
    known_interventions()
    assert loaded == ["offered"]


@pytest.mark.parametrize(
    "code",
    [
        "from layerlab.ablation.interventions.kinds import known_interventions as known; "
        "assert 'reset' in known()",
        "from layerlab.ablation.interventions import from_dict; from_dict({'reset': {'layers': '0'}})",
        "from layerlab.ablation.written import read_ablation; "
        "read_ablation({'sweep': {}, 'before': [{'reset': {}}]})",
    ],
)
def test_the_built_in_interventions_are_known_in_a_fresh_process_without_torch(code: str) -> None:
    check = f"{code}; import sys; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
