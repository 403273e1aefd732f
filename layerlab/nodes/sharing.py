"""Agreement between the processes that share a fit (torchrun, accelerate launch)."""

from __future__ import annotations

import os


def is_shared() -> bool:
    """Return whether this process is one of several that share each fit."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def agree(decision: bool | None) -> bool:
    """Return the first process's decision to every process.

    Args:
        decision: The decision in the first process; None in the others.
    """
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    PartialState()
    box = [decision]
    broadcast_object_list(box)
    return bool(box[0])


def meet() -> None:
    """Wait until every process has come here."""
    from accelerate import PartialState

    PartialState().wait_for_everyone()


def process_rank() -> int:
    """Return this process's rank among those that share a fit (torchrun, accelerate launch), else 0."""
    return int(os.environ.get("RANK", "0")) if is_shared() else 0
