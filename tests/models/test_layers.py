from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from layerlab.errors import SelectionError
from layerlab.models.layers import Layers, union, windows


@pytest.mark.parametrize(
    ("text", "indices", "canonical"),
    [
        ("0", (0,), "0"),
        ("0-2", (0, 1, 2), "0-2"),
        ("embeddings,0-2,11", (0, 1, 2, 11), "embeddings,0-2,11"),
        ("11, 0-1 , 2", (0, 1, 2, 11), "0-2,11"),
        ("first:4", (0, 1, 2, 3), "0-3"),
        ("last:2", (10, 11), "10-11"),
        ("all", tuple(range(12)), "0-11"),
        ("even", (0, 2, 4, 6, 8, 10), "0,2,4,6,8,10"),
        ("odd", (1, 3, 5, 7, 9, 11), "1,3,5,7,9,11"),
        ("3-5,4-7,last:1", (3, 4, 5, 6, 7, 11), "3-7,11"),
        ("2,embeddings", (2,), "embeddings,2"),
        ("embeddings", (), "embeddings"),
        ("2-2", (2,), "2"),
        ("top", (), "top"),
        ("shared,top,last:1", (11,), "11,shared,top"),
        ("top,rest,0", (0,), "0,rest"),
        ("everything", tuple(range(12)), "embeddings,0-11,rest"),
        ("rest,all,embeddings", tuple(range(12)), "embeddings,0-11,rest"),
    ],
)
def test_a_selection_resolves_to_its_layers(text: str, indices: tuple[int, ...], canonical: str) -> None:
    assert Layers(text).indices(12) == indices
    assert str(Layers(text).resolve(12)) == canonical
    assert Layers(canonical).resolve(12) == Layers(canonical)


@pytest.mark.parametrize("value", ["0-2,11", Layers("0-2,11"), ["0-2", 11], ("0-2", "11"), [0, 1, 2, 11]])
def test_text_numbers_and_lists_are_read_alike(value: Any) -> None:
    assert Layers.parse(value).resolve(12) == Layers("0-2,11")


def test_one_number_and_a_range_are_read() -> None:
    assert Layers.parse(3) == Layers("3")
    assert Layers.parse(range(3)).resolve(12) == Layers("0-2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-1", r"negative layer '-1' in '-1'; write last:K"),
        ("0,-2", r"negative layer '-2'"),
        ("5-2", r"runs backwards; write 2-5"),
        ("", r"cannot read ''"),
        ("0,,1", r"cannot read ''"),
        ("embedding", r"cannot read 'embedding' in the selection 'embedding'; expected embeddings, N, N-M"),
        ("first:0", r"selects nothing"),
        ("1.5", r"cannot read '1.5'"),
        ("last", r"cannot read 'last'"),
    ],
)
def test_what_is_not_of_the_grammar_is_refused(text: str, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        Layers(text)


@pytest.mark.parametrize("value", [True, None, 1.5, {"0": 1}])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(SelectionError, match="cannot select layers by"):
        Layers.parse(value)


def test_a_layer_that_does_not_exist_is_refused_with_the_valid_range() -> None:
    with pytest.raises(SelectionError, match=r"no layer 12 .*12 layers has layers 0-11, and embeddings"):
        Layers("0-12").resolve(12)
    with pytest.raises(SelectionError, match="asks for 5 of 4 layers"):
        Layers("last:5").resolve(4)
    with pytest.raises(SelectionError, match="'odd' selects nothing in an encoder of 1 layer"):
        Layers("odd").resolve(1)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [("0-2,11", 0, 11), ("embeddings", -1, -1), ("embeddings,3-4", -1, 4), ("5", 5, 5)],
)
def test_first_and_last_are_numbers_for_records(text: str, first: int, last: int) -> None:
    assert (Layers(text).first, Layers(text).last) == (first, last)


def test_first_needs_a_resolved_selection() -> None:
    with pytest.raises(SelectionError, match="depends on the depth"):
        _ = Layers("last:2").first


def test_selections_are_values() -> None:
    assert len({Layers("0-1"), Layers("0 - 1"), Layers("1")}) == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((4, 1), ["0", "1", "2", "3"]),
        ((4, 2), ["0-1", "2-3"]),
        ((5, 2), ["0-1", "2-3", "4"]),
        ((5, 3, 1), ["0-2", "1-3", "2-4"]),
        ((6, 1, 2), ["0", "2", "4"]),
        ((3, 3), ["0-2"]),
    ],
)
def test_windows_go_up_from_layer_0(arguments: tuple[int, ...], expected: list[str]) -> None:
    assert [str(window) for window in windows(*arguments)] == expected


def test_windows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SelectionError, match="window of 5 layers does not fit an encoder of 4 layers"):
        windows(4, 5)
    with pytest.raises(SelectionError, match="at least 1"):
        windows(4, 0)


def test_union_of_nothing_is_none() -> None:
    assert union([]) is None
    assert union([Layers("3"), Layers("0-1"), Layers("2")]) == Layers("0-3")


class Holder(BaseModel):
    layers: Layers


def test_pydantic_reads_and_writes_selections_as_text() -> None:
    holder = Holder.model_validate({"layers": [0, "last:1"]})
    assert holder.layers == Layers("0,last:1")
    assert holder.model_dump() == {"layers": "0,last:1"}
    assert Holder.model_validate_json(holder.model_dump_json()) == holder
    with pytest.raises(ValidationError, match="write last:K"):
        Holder.model_validate({"layers": "-1"})
