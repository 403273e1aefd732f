"""The projected time of RANDOM-INIT's Table 1."""

from __future__ import annotations

from dataclasses import replace

import pytest

from layerlab.study.costs.projection import H200_BF16, TABLE_1, project
from layerlab.study.costs.shapes import shape_of

MBERT = shape_of("bert-base-multilingual-cased")


def test_table_1_at_mbert_size() -> None:
    alone, together = project(MBERT), project(MBERT, members=7)
    assert alone.n_fits == together.n_fits == 3 * 3 * 7 * 5
    assert together.training_flops == alone.training_flops == pytest.approx(1.53e17, rel=0.05)
    assert together.hours < 1 < alone.hours / 2
    said = together.describe()
    assert said[0].startswith("PROJECTION, not measured: 315 fits in ")
    assert any("25% of 989 TFLOP/s" in line for line in said)


def test_a_slow_gpu_is_bound_by_arithmetic_and_a_fast_one_by_launches() -> None:
    slow = replace(H200_BF16, peak=10e12)
    assert project(MBERT, on=slow).training == pytest.approx(project(MBERT, on=slow, members=7).training)
    fast = replace(H200_BF16, peak=1e18)
    assert project(MBERT, on=fast).training > 3 * project(MBERT, on=fast, members=7).training
    quick = replace(fast, launch=0.0)
    assert project(MBERT, on=quick).hours * 3600 == pytest.approx(315 * 2, rel=0.01)


@pytest.mark.parametrize("members", [0, 8])
def test_a_cohort_has_no_more_members_than_the_table_has_columns(members: int) -> None:
    with pytest.raises(ValueError, match=f"expected 1 to {TABLE_1.columns} members"):
        project(MBERT, members=members)
