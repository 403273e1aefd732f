"""Which engine carries out a plan where nobody names one, and how many units at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pydantic import BaseModel

from layerlab.nodes.engines.engine import Engine, known_engines, register_engine
from layerlab.nodes.engines.inline import InlineEngine
from layerlab.nodes.engines.local import LocalEngine
from layerlab.nodes.engines.on_ray.make import Ray
from layerlab.nodes.engines.on_slurm.make import Slurm
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.processes import usable_cores


def make_inline(store: Store, settings: WorkSettings, slots: int | None = None) -> Engine:
    """Make the engine that stays in this process."""
    return InlineEngine(store, settings)


def make_local(store: Store, settings: WorkSettings, slots: int | None = None) -> Engine:
    """Make a pool of processes: as many as asked for, else one a GPU, else one a core."""
    gpus = _visible_gpus() if settings.device != "cpu" else ()
    shares = share_gpus(gpus, settings.processes)
    return LocalEngine(
        store, settings, slots or len(shares) or max(1, usable_cores() // settings.processes), shares
    )


def share_gpus(gpus: Sequence[str], processes: int) -> tuple[str, ...]:
    """Return the GPUs of each worker, where so many processes share a fit; a last one too few is left over.

    >>> share_gpus(["0", "1", "2"], 1), share_gpus(["0", "1", "2", "3"], 2), share_gpus(["0"], 2)
    (('0', '1', '2'), ('0,1', '2,3'), ('0',))
    """
    n_workers = max(1, len(gpus) // processes) if gpus else 0
    return tuple(",".join(gpus[n * processes : (n + 1) * processes]) for n in range(n_workers))


register_engine("inline", make_inline)
register_engine("local", make_local)
register_engine("ray", Ray())
register_engine("slurm", Slurm())


def engines_with_options() -> dict[str, BaseModel]:
    """Return the engines that are made by a model, whose fields are their options, by name."""
    return {name: make for name, make in known_engines().items() if isinstance(make, BaseModel)}


def default_engine(slots: int | None) -> str:
    """Return the embedded engine for a number of workers; 0 workers stay in this process."""
    return "inline" if slots == 0 or not hasattr(os, "fork") else "local"


def _visible_gpus() -> tuple[str, ...]:
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(part for part in named.split(",") if part)
    return tuple(str(index) for index in range(torch.cuda.device_count()))
