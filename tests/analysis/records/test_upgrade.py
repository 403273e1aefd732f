"""Records of older versions get the columns that newer ones have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import FitDonor, Freeze, Permute, Reset, Scale, Swap
from layerlab.analysis.records.columns import COLUMNS
from layerlab.analysis.records.tidy import load_records, validate_records, write_records
from layerlab.analysis.records.upgrade import NEWER, upgrade


def old_row(ablation: Ablation, **other: Any) -> dict[str, Any]:
    """A row of one ablation as versions before wrote it."""
    row = {name: "" for name in COLUMNS if name not in NEWER} | {"study": "s", "task": "upos", "seed": 0}
    row |= {"run_id": ablation.name, "metric": "accuracy", "value": 0.5, "donor": ablation.donor}
    row |= {"ablation": ablation.name, "phase": ablation.phase, "intervention": ablation.kind}
    return row | {"layers": ablation.layers} | other


@pytest.mark.parametrize(
    "ablation",
    [
        Ablation.none(),
        Ablation(before=(Reset("0-1"),)),
        Ablation(after=(Reset("2", to="pretrained", components="attention"),)),
        Ablation(before=(Freeze("embeddings,0-5", dropout=False),), during=(Timed(0.5, Reset("3", seed=4)),)),
        Ablation(after=(Scale("0", factor=0.5), Permute("0-2", order=(2, 0, 1)))),
        Ablation(after=(Swap("0-1", donor=FitDonor(source="ru", seed=1)), Swap("2", donor="a/model"))),
    ],
    ids=lambda ablation: ablation.name,
)
def test_a_name_made_from_interventions_gives_what_newer_records_say(ablation: Ablation) -> None:
    found = upgrade(pd.DataFrame([old_row(ablation)])).iloc[0]
    assert json.loads(found["options"]) == json.loads(ablation.options)
    assert found["sweep"] == ablation.sweep


def test_of_what_its_author_named_the_other_columns_tell_what_they_can() -> None:
    swapped = Ablation("lower of ru", after=(Swap("0-1", donor=FitDonor(source="ru")),))
    mixed = Ablation("freeze, then not", before=(Freeze("0-2"),), after=(Reset("1"),))
    frame = upgrade(pd.DataFrame([old_row(swapped), old_row(mixed)]))
    assert json.loads(frame["options"].iloc[0]) == json.loads(swapped.options)
    assert frame["options"].iloc[1] == ""
    assert set(frame["sweep"]) == {""}


@pytest.mark.parametrize("reverse", [False, True])
def test_the_main_metric_does_not_hang_on_the_order_of_rows(reverse: bool) -> None:
    none = Ablation.none()
    rows = [
        *(old_row(none, task="mine", metric=name) for name in ("span_f1", "accuracy", "another")),
        *(old_row(none, task="yours", metric=name) for name in ("zeta", "alpha")),
        old_row(none, task="mine", metric="las", layer=3),
    ]
    frame = validate_records(pd.DataFrame(rows[::-1] if reverse else rows))
    main = frame[frame["main"]]
    assert set(zip(main["task"], main["metric"], strict=True)) == {("mine", "span_f1"), ("yours", "alpha")}


def test_what_is_there_stays_and_what_was_found_is_found_again(tmp_path: Path) -> None:
    named = Ablation("rewind(0-1)", after=(Reset("0-1", to="pretrained"),))
    new = old_row(named) | {"sweep": "rewind", "options": named.options, "main": False}
    frame = validate_records(pd.DataFrame([new]))
    assert frame[["sweep", "options", "main"]].iloc[0].tolist() == ["rewind", named.options, False]
    old = validate_records(pd.DataFrame([old_row(named), old_row(Ablation.none())]))
    path = write_records(old, tmp_path / "records.csv")
    pd.testing.assert_frame_equal(
        load_records(path), old.sort_values("run_id", ignore_index=True), check_flags=False
    )


def test_a_run_recorded_before_and_after_is_one_row() -> None:
    ablation = Ablation("lower half", before=(Freeze("0-2"), Freeze("4")))
    new = old_row(ablation) | {"sweep": "", "options": ablation.options, "main": True}
    frame = pd.concat([validate_records(pd.DataFrame([row])) for row in (new, old_row(ablation))])
    assert len(validate_records(frame)) == 1
