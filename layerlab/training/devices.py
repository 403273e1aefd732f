"""Where a fine-tuning or an evaluation computes."""

from __future__ import annotations

from accelerate import Accelerator


def make_accelerator(device: str) -> Accelerator:
    """Return an accelerator on the best device there is, or on the CPU.

    Precision and accumulation are a study's own, so what a launcher's configuration says of them is put
    aside: it stands in no identity.

    Args:
        device: ``auto`` or ``cpu``.
    """
    return Accelerator(cpu=device == "cpu", mixed_precision="no", gradient_accumulation_steps=1)
