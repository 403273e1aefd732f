from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from layerlab.analysis.effects.sweeps import NAMED, select_scores, sweep_names, windows
from layerlab.analysis.records.upgrade import upgrade
from layerlab.errors import RecordsError

Rows = Callable[..., pd.DataFrame]


def names(*ablations: tuple[str, str, str]) -> list[str]:
    """Name the sweeps of ablations as records written before the column ``sweep`` have them."""
    rows = [
        {"study": "s", "model": "m", "task": "upos", "metric": "accuracy", "layer": None, "donor": ""}
        | {"ablation": name, "phase": phase, "intervention": "reset", "layers": layers}
        for name, phase, layers in ablations
    ]
    return sweep_names(upgrade(pd.DataFrame(rows))).tolist()


def swept(sweep: str, layers: str, study: str = "s", **options: Any) -> dict[str, Any]:
    entry = {"phase": "before", "kind": "reset", "layers": layers} | options
    row = {"study": study, "model": "m", "sweep": sweep, "options": json.dumps([entry])}
    return row | {"ablation": f"{sweep}-{layers}-{options}", "layers": layers}


def test_a_sweep_is_what_its_column_says_whatever_its_ablations_are_called() -> None:
    rows = [swept("a sweep", "0"), swept("a sweep", "1"), swept("", "2"), swept("reset(0)@after", "3")]
    assert sweep_names(pd.DataFrame(rows)).tolist() == ["a sweep", "a sweep", NAMED, "reset(0)@after"]


def test_two_sweeps_with_one_name_are_named_after_what_they_do() -> None:
    first = [swept("mine", "0"), swept("mine", "1")]
    second = [swept("mine", "0-1", to="pretrained"), swept("mine", "2-3", to="pretrained")]
    rows = [*first, *second, swept("mine", "0", study="another")]
    assert sweep_names(pd.DataFrame(rows)).tolist() == [
        *["reset@before"] * 2, *["reset(to=pretrained)@before"] * 2, "mine",
    ]  # fmt: skip


def test_a_field_that_one_window_has_at_its_default_parts_no_sweep() -> None:
    rows = [swept("mine", "0"), *(swept("mine", layer, from_layers="0") for layer in "123")]
    assert set(sweep_names(pd.DataFrame(rows))) == {"mine"}


def test_models_of_different_depth_do_not_meet() -> None:
    rows = [swept("top", "4-5"), swept("top", "4-5") | {"model": "deep", "ablation": "of another model"}]
    assert set(sweep_names(pd.DataFrame(rows))) == {"top"}


def test_phases_and_options_never_share_a_sweep() -> None:
    assert names(
        ("reset(0-1)@before", "before", "0-1"),
        ("reset(2-3)@before", "before", "2-3"),
        ("reset(0-1, to=pretrained)@before", "before", "0-1"),
        ("reset(0-1)@after", "after", "0-1"),
        ("reset(0-1,4, init=torch)@before + freeze(first:2)@during:0.5", "mixed", "0-1,4"),
        ("rewind(0-1)", "after", "0-1"),
    ) == [
        "reset@before", "reset@before", "reset(to=pretrained)@before", "reset@after",
        "reset(init=torch)@before + freeze@during:0.5", "rewind",
    ]  # fmt: skip


def test_ablations_with_names_are_apart_from_sweeps() -> None:
    in_a_sweep = ("reset(0-1)@before", "before", "0-1")
    found = names(("soft", "before", "0-1"), ("hard", "after", "0-1"), in_a_sweep)
    assert found == [NAMED, NAMED, "reset@before"]


def test_two_of_the_same_layers_are_told_apart_by_name() -> None:
    assert names(("reset(first:2)@before", "before", "0-1"), ("reset(0-1)@before", "before", "0-1")) == [
        NAMED, NAMED,
    ]  # fmt: skip


def test_windows_go_from_the_bottom_to_the_top() -> None:
    frame = pd.DataFrame(
        {
            "layers": ["10-11", "0-11", "2-3", "none", "embeddings", "0-1"],
            "first_layer": pd.array([10, 0, 2, None, -1, 0], dtype="Int64"),
            "last_layer": pd.array([11, 11, 3, None, -1, 1], dtype="Int64"),
        }
    )
    assert windows(frame) == ["embeddings", "0-1", "0-11", "2-3", "10-11", "none"]
    frame["ablation"] = ["f", "e", "d", "c", "b", "a"]
    assert windows(frame, "ablation") == ["b", "a", "e", "d", "f", "c"]


def test_each_task_is_judged_by_its_main_metric_in_whatever_order_the_rows_are(rows: Rows) -> None:
    frame = rows(
        ("", 0, {"en": 0.1}, {"metric": "span_precision", "task": "ner", "main": False}),
        ("", 0, {"en": 0.2}, {"metric": "span_f1", "task": "ner", "main": True}),
        ("", 0, {"en": 0.3}, {"metric": "odd_one", "task": "odd", "run_id": "x", "main": True}),
        ("", 0, {"en": 0.4}, {"metric": "accuracy", "task": "odd", "run_id": "x", "main": False}),
    )
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        assert set(select_scores(frame.iloc[order])["metric"]) == {"span_f1", "odd_one"}
    assert set(select_scores(frame, "span_precision")["metric"]) == {"span_precision"}
    with pytest.raises(RecordsError, match="did you mean 'span_f1'"):
        select_scores(frame, "span_f2")
    assert set(select_scores(frame[frame["metric"] == "accuracy"])["metric"]) == {"accuracy"}


def test_the_test_split_is_taken_and_ambiguity_refused(rows: Rows) -> None:
    dev, test = (rows(("", 0, {"en": 0.9}, {"split": split})) for split in ("dev", "test"))
    assert set(select_scores(pd.concat([dev, test]))["split"]) == {"test"}
    assert set(select_scores(dev)["split"]) == {"dev"}
    with pytest.raises(RecordsError, match="splits dev, train: say which"):
        select_scores(pd.concat([dev, dev.assign(split="train")]))
    with pytest.raises(RecordsError, match="unknown split 'train'"):
        select_scores(dev, split="train")


def test_measures_of_layers_are_no_scores(rows: Rows) -> None:
    frame = rows(("", 0, {"en": 0.9}), ("", 0, {"en": 0.5}, {"metric": "cka", "layer": 3}))
    assert select_scores(frame)["metric"].tolist() == ["accuracy"]
