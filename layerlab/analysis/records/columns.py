"""The columns of tidy records, and the type of each: text is never missing, other columns may have gaps."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

TEXT: Final = (
    "study", "run_id", "fit_id", "model", "task", "ablation", "phase", "intervention", "layers", "donor",
    "source", "target", "split", "metric", "sweep", "options", "against",
)  # fmt: skip
INTEGERS: Final = ("first_layer", "last_layer", "seed", "layer", "n", "step")
COLUMNS: Final = (
    "study", "run_id", "fit_id", "model", "task", "ablation", "phase", "intervention", "layers",
    "first_layer", "last_layer", "donor", "source", "target", "split", "seed", "metric", "layer", "value",
    "n", "sweep", "options", "main", "floor", "against", "step",
)  # fmt: skip

#: What makes a row of a records frame unique.
KEY: Final = ("study", "run_id", "target", "split", "metric", "layer", "intervention")

#: The kinds of columns, as :func:`layerlab.analysis.stored.cells.read_cells` takes them.
KINDS: Final[Mapping[str, Any]] = MappingProxyType(
    {"text": TEXT, "integers": INTEGERS, "booleans": ("main",)}
)
