"""Which engine carries out a plan where nobody names one, and how many units at a time."""

from __future__ import annotations

import os

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
    return LocalEngine(store, settings, slots or len(gpus) or usable_cores(), gpus)


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
