"""Fused steps: on a CPU, AdamW updates a parameter in one pass over memory instead of seven.

The formula is the same; the intermediate results are rounded differently, by a unit in the last place.
"""

from __future__ import annotations

import torch


class FusedSteps:
    """The shortcut: on which devices it is one."""

    name = "fused-steps"

    def refuses(self, device: torch.device) -> str:
        """Return why the optimiser's steps are not fused on a device; empty if they are.

        >>> FusedSteps().refuses(torch.device("cpu"))
        ''
        """
        return "" if device.type == "cpu" else "the steps of all parameters are few kernels already"


def set_fused(optimizer: torch.optim.Optimizer, fused: bool) -> None:
    """Let an AdamW whose parameters are on the CPU take fused steps, or plain ones; its moments stay."""
    for group in optimizer.param_groups:
        group["fused"] = True if fused else None
