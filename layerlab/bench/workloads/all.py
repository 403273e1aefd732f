"""Every workload by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from layerlab.bench.settings import BenchSettings
from layerlab.bench.workload import Workload
from layerlab.bench.workloads.encoders import alignment, pretraining
from layerlab.bench.workloads.large import cohort, one_fit
from layerlab.bench.workloads.layers import after_sweep, freezing
from layerlab.bench.workloads.scale import scale
from layerlab.bench.workloads.start import start
from layerlab.bench.workloads.sweeps import large_vocabulary, small_encoder
from layerlab.errors import Problem, StudyError, unknown

WORKLOADS: Final[Mapping[str, Callable[[BenchSettings], Workload]]] = MappingProxyType(
    {
        "a": small_encoder,
        "b": large_vocabulary,
        "c": after_sweep,
        "d": freezing,
        "e": one_fit,
        "f": alignment,
        "g": pretraining,
        "h": start,
        "cohorts": cohort,
        "scale": scale,
    }
)


def choose(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of workloads in their order, all of them if none is named.

    Raises:
        StudyError: There is no such workload.

    >>> choose(["b", "a"])
    ('a', 'b')
    """
    for name in names:
        if name not in WORKLOADS:
            raise StudyError([Problem("--only", unknown("workload", name, WORKLOADS))], "layerlab bench")
    return tuple(name for name in WORKLOADS if not names or name in names)
