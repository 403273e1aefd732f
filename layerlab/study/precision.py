"""Whether this machine can compute a plan in the precision that it asks for."""

from __future__ import annotations

from collections.abc import Iterable

from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.nodes.node import Node
from layerlab.training.precision import advise, check_bf16


def precisions_of(nodes: Iterable[Node]) -> dict[str, str]:
    """Return the precisions that nodes are trained in, each with the setting that asks for it."""
    found: dict[str, str] = {}
    for item in nodes:
        if isinstance(item, Fit):
            found.setdefault(item.training.precision, "training.precision")
        elif isinstance(item, Pretraining):
            found.setdefault(item.spec.precision, f"precision of pretraining {item.spec.name}")
    return found


def check_precision(nodes: Iterable[Node], device: str) -> str:
    """Check that this machine computes what is left of a plan at a reasonable speed.

    Args:
        nodes: What is left to do; nothing is measured unless some of it is in bf16.
        device: ``auto`` or ``cpu``.

    Returns:
        A warning; empty if there is none.

    Raises:
        StudyError: bf16 is much slower than fp32 here.
    """
    key = precisions_of(nodes).get("bf16")
    return check_bf16(device, key) if key else ""


def precision_notes(nodes: Iterable[Node]) -> tuple[str, ...]:
    """Return what a plan says of its precisions on this machine."""
    notes = (advise(precision, key) for precision, key in precisions_of(nodes).items())
    return tuple(filter(None, notes))
