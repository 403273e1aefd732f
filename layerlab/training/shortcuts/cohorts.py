"""Cohorts: fits that see the same batches and draw the same dropout, trained as one stacked model.

The columns of an ablation table share checkpoint, task, source, seed and hyper-parameters, and differ in what
was done to the weights before. Their matrix products become batched ones, which fill a GPU that the products
of one fit leave idle. A CPU that is busy with one fit gains little or loses: on one thread, seven fits took
1.3 times the CPU seconds of the stack at 12 x 64, 0.9 to 1.1 times at 12 x 128, 0.7 times at 12 x 384.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from layerlab.ablation.ablation import Timed
from layerlab.ablation.interventions import Intervention, is_standing, kind_of

#: Most fits that are planned as one cohort.
MOST_MEMBERS: Final = 8
#: Why fits are no members that are pulled to weights of their own.
PULLED: Final = "each fit is pulled to the weights that it starts from"
# Bytes of a trained number: itself, its gradient and Adam's two moments.
_TRAINED: Final = 16
# Values that the backward pass of a layer keeps for each token, in units of its width, and for each pair of
# tokens and head (Korthikanti et al. 2022, arXiv:2205.05198, table 2, in elements).
_KEPT_BY_WIDTH, _KEPT_BY_PAIR = 20, 3
# Part of a GPU's free memory that is planned for; the rest is for fragments and for evaluation.
_PLANNED: Final = 0.8


@dataclass(frozen=True)
class CohortCase:
    """A fit that may be a member of a cohort.

    Attributes:
        before: Interventions before fine-tuning.
        during: Interventions during fine-tuning.
        on_gpu: Whether it is trained on a GPU.
        n_processes: Processes that share it.
        pulled: Whether it is pulled to the weights that it starts from.
        languages: Those that have parts of their own in its checkpoint.
    """

    before: Sequence[Intervention]
    during: Sequence[Timed]
    on_gpu: bool
    n_processes: int = 1
    pulled: bool = False
    languages: Sequence[str] = ()


@dataclass(frozen=True)
class Cohorts:
    """The shortcut: which fits may be members.

    Attributes:
        on_cpu: Whether cohorts are trained on a CPU too, for tests and measurements.

    >>> Cohorts().refuses(CohortCase((), (), on_gpu=False))
    'on a CPU fits are at least as fast one by one'
    """

    name = "cohorts"
    on_cpu: bool = False

    def refuses(self, case: CohortCase) -> str:
        """Return why a fit is no member of a cohort; empty if it may be one."""
        if not (case.on_gpu or self.on_cpu):
            return "on a CPU fits are at least as fast one by one"
        if case.n_processes > 1:
            return "several processes share the fit"
        if case.pulled:
            return PULLED
        if case.languages:
            return "languages have parts of their own in its checkpoint"
        if case.during:
            return f"{kind_of(case.during[0].intervention)} happens during fine-tuning"
        standing = [item for item in case.before if is_standing(item)]
        return f"{kind_of(standing[0])} stands during fine-tuning" if standing else ""


def count_members(n_bytes: Iterable[float], free: float) -> int:
    """Return how many of some members fit into free memory together, one at least.

    >>> count_members([4, 4, 4], free=9), count_members([20], free=9)
    (2, 1)
    """
    total, n_members = 0.0, 0
    for one in n_bytes:
        total += one
        if total > free:
            break
        n_members += 1
    return max(1, n_members)


def member_bytes(model: nn.Module, config: object, n_rows: int, length: int) -> float:
    """Return an estimate of the bytes that a member takes in training.

    Args:
        model: Encoder and head.
        config: The encoder's configuration.
        n_rows: Examples in a part of a batch.
        length: Word-pieces of the longest.
    """
    depth, width, heads = (
        int(getattr(config, name)) for name in ("num_hidden_layers", "hidden_size", "num_attention_heads")
    )
    kept = n_rows * length * depth * (_KEPT_BY_WIDTH * width + _KEPT_BY_PAIR * heads * length)
    return float(4 * kept + _TRAINED * sum(p.numel() for p in model.parameters()))


def free_bytes(device: torch.device) -> float:
    """Return the memory of a device that may be planned for, in bytes; without end on a CPU."""
    if device.type != "cuda":
        return float("inf")
    return _PLANNED * torch.cuda.mem_get_info(device)[0]


def split_evenly(n_items: int, most: int) -> list[int]:
    """Return the sizes of as few parts as possible, as even as possible.

    >>> split_evenly(13, 8), split_evenly(7, 8), split_evenly(0, 8)
    ([7, 6], [7], [])
    """
    n_parts = -(-n_items // most)
    return [n_items // n_parts + (part < n_items % n_parts) for part in range(n_parts)]
