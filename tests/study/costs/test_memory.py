"""What a worker needs: more for a larger encoder, more to train than to evaluate."""

from __future__ import annotations

import pytest

from layerlab.errors import CheckpointError
from layerlab.nodes.engines.unit import make_units, with_memory
from layerlab.study.costs import memory
from layerlab.study.costs.memory import BESIDE, estimate_memory
from layerlab.study.costs.shapes import TRAINED, shape_of_fit
from layerlab.study.study import Study
from tests.fixtures.studies import retrained


def test_a_fit_holds_what_is_trained_and_a_run_its_weights(study: Study) -> None:
    plan = study.plan(check=False)
    needed = estimate_memory(plan)
    shape = shape_of_fit(plan.fits[0], {})
    fit, run = needed[plan.fits[0].id] - BESIDE, needed[plan.runs[0].id] - BESIDE
    assert set(needed) == {item.id for item in plan.nodes}
    # 8 sentences of 64 pieces, 4 layers of width 32: 39 bytes each, twice.
    assert fit == TRAINED * shape.parameters + 2 * 39 * 8 * 64 * 32 * 4
    assert run == 2 * 4 * shape.parameters
    more = estimate_memory(retrained(study, batch_size=80).plan(check=False))
    assert max(more.values()) - BESIDE - TRAINED * shape.parameters == 10 * 2 * 39 * 8 * 64 * 32 * 4


def test_a_unit_needs_what_its_largest_node_needs(study: Study) -> None:
    plan = study.plan(check=False)
    units = with_memory(make_units(plan.nodes, lambda item: False), lambda one: int(one[:4], 16))
    assert [unit.memory for unit in units] == [max(int(one[:4], 16) for one in unit.nodes) for unit in units]


def test_an_encoder_that_is_not_found_counts_nothing(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = study.plan(check=False)

    def missing(fit: object, specs: object) -> None:
        raise CheckpointError("no such folder")

    monkeypatch.setattr(memory, "shape_of_fit", missing)
    assert set(estimate_memory(plan).values()) == {BESIDE}
