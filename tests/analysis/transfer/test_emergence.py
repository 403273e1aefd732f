"""Encoders of one pretraining after several steps are rows of one encoder."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from layerlab.analysis.transfer.emergence import emerging_rows, means_by_step, structure_rows

Make = Callable[..., pd.DataFrame]


def test_names_lose_their_steps(emerging: pd.DataFrame) -> None:
    rows = emerging_rows(emerging)
    assert set(rows["encoder"]) == {"small"}
    assert set(rows["step"]) == {100, 1000, 4000}
    assert set(rows["ablation"]) == {"none", "probe"}


def test_one_step_is_no_emergence(emerging: pd.DataFrame, synthetic: Make) -> None:
    assert emerging_rows(emerging[emerging["step"] == 4000]).empty
    assert emerging_rows(synthetic()).empty
    assert emerging_rows(synthetic().drop(columns="step")).empty


def test_structure_is_of_encoders_before_fine_tuning_and_of_targets(emerging: pd.DataFrame) -> None:
    found = structure_rows(emerging_rows(emerging))
    assert set(found["quantity"]) == {"cka", "retrieval", "probe upos"}
    assert "en" not in set(found["target"])
    cka = emerging[emerging["metric"] == "cka_pretrained"]
    table = means_by_step(found[found["quantity"] == "cka"])
    assert [int(step) for step in table.columns] == [100, 1000, 4000]
    here = cka[(cka["step"] == 100) & (cka["layer"] == 2)]["value"]
    assert table.loc[2, 100] == pytest.approx(here.mean())
