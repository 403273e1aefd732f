"""When the scores of a trajectory are taken, as a study says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Steps(BaseModel):
    """After every so many optimiser steps, and at the end of each epoch.

    Attributes:
        steps: How many.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(ge=1)


if TYPE_CHECKING:
    Every = Literal["epochs"] | Steps | Mapping[str, int]
else:
    Every = Literal["epochs"] | Steps


def read_every(value: Any) -> Any:
    """Refuse what is no time of scores, in words that say what is.

    Raises:
        ValueError: It is none.
    """
    in_steps = isinstance(value, Mapping) and value.keys() == {"steps"}
    if not (value is None or in_steps or isinstance(value, Steps) or value == "epochs"):
        raise ValueError("expected epochs or {steps: N}")
    return value


def count_points(every: Every, n_epoch_steps: int, epochs: int) -> tuple[int, int]:
    """Return how many points of a trajectory are ends of epochs, and how many lie between them.

    >>> [count_points(every, 10, 3) for every in ("epochs", Steps(steps=4), Steps(steps=5))]
    [(3, 0), (3, 6), (3, 3)]
    """
    if not isinstance(every, Steps):
        return epochs, 0
    n_steps = n_epoch_steps * epochs
    between = [step for step in range(every.steps, n_steps, every.steps) if step % n_epoch_steps]
    return epochs, len(between)
