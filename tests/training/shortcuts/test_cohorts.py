"""Which fits may be members of a cohort, and how many memory holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from torch import nn

from layerlab.ablation.ablation import Timed
from layerlab.ablation.interventions import Freeze, Reset, Skip
from layerlab.training.shortcuts.cohorts import CohortCase, Cohorts, member_bytes
from layerlab.training.shortcuts.shortcut import SHORTCUTS, Taken

CASE = CohortCase(before=(Reset("0-1"),), during=(), on_gpu=True)


def test_fits_that_differ_in_their_first_weights_alone_may_be_members() -> None:
    taken = Taken(tuple(SHORTCUTS))
    assert taken.may(Cohorts(), CASE)
    assert not taken.notes


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"before": (Reset("0"), Freeze("1"))}, "freeze stands during fine-tuning"),
        ({"before": (Skip("1"),)}, "skip stands during fine-tuning"),
        ({"during": (Timed(0.5, Reset("0")),)}, "reset happens during fine-tuning"),
        ({"n_processes": 2}, "several processes share the fit"),
        ({"pulled": True}, "each fit is pulled to the weights that it starts from"),
        ({"on_gpu": False}, "on a CPU fits are at least as fast one by one"),
    ],
)
def test_what_may_be_no_member_is_refused_with_the_reason(changes: dict[str, object], reason: str) -> None:
    taken = Taken(tuple(SHORTCUTS))
    assert not taken.may(Cohorts(), replace(CASE, **changes))  # type: ignore[arg-type]
    assert taken.notes == {"cohorts": f"refused: {reason}"}


def test_a_member_takes_its_training_state_and_its_activations() -> None:
    class Config:
        num_hidden_layers, hidden_size, num_attention_heads = 2, 4, 2

    model = nn.Linear(9, 1)
    short, long = (member_bytes(model, Config(), 3, length) for length in (1, 10))
    assert short > 16 * 10
    assert long > 10 * (short - 16 * 10)
