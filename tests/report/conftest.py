from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from layerlab.analysis.records import validate_records

TARGETS = ("de", "es", "fr", "hi", "ja", "ru", "zh")
METRICS = {"upos": "accuracy", "ner": "span_f1"}

Make = Callable[..., pd.DataFrame]


def make_records(
    n_layers: int = 12,
    size: int = 2,
    seeds: Sequence[int] = (0, 1, 2),
    targets: Sequence[str] = TARGETS,
    tasks: Sequence[str] = ("upos",),
    models: Sequence[str] = ("mbert",),
    sources: Sequence[str] = ("en",),
    phase: str = "before",
    options: str = "",
    largest: float = 0.30,
) -> pd.DataFrame:
    """Invent records whose effects fall from ``largest`` at the bottom to 0.001 at the top."""
    rng = np.random.default_rng(7)
    starts = range(0, n_layers, size)
    rows = []
    for model in models:
        for task in tasks:
            for source in sources:
                for seed in seeds:
                    base = {target: 0.85 - 0.03 * index for index, target in enumerate(targets)}
                    base[source] = 0.955
                    base = {target: score + rng.normal(0, 0.004) for target, score in base.items()}
                    for first in (None, *starts):
                        depth = 0.0 if first is None else first / max(1, n_layers - size)
                        hurt = 0.0 if first is None else largest * np.exp(-5.7 * depth)
                        last = None if first is None else first + size - 1
                        layers = "" if first is None else (str(first) if size == 1 else f"{first}-{last}")
                        name = "none" if first is None else f"reset({layers}{options})@{phase}"
                        for index, (target, score) in enumerate(base.items()):
                            share = 0.05 if target == source else 0.6 + 0.8 * index / len(base)
                            noise = 0.0 if first is None else rng.normal(0, 0.003)
                            rows.append(
                                {
                                    "study": "synthetic",
                                    "run_id": f"{model}-{task}-{source}-{name}-{seed}",
                                    "fit_id": f"{model}-{task}-{source}-{seed}",
                                    "model": model,
                                    "task": task,
                                    "ablation": name,
                                    "phase": "none" if first is None else phase,
                                    "intervention": "none" if first is None else "reset",
                                    "layers": layers,
                                    "first_layer": first,
                                    "last_layer": last,
                                    "source": source,
                                    "target": target,
                                    "split": "test",
                                    "seed": seed,
                                    "metric": METRICS[task],
                                    "layer": None,
                                    "value": score - hurt * share + noise,
                                    "n": 5000 + 100 * index,
                                }
                            )
    return validate_records(pd.DataFrame(rows))


@pytest.fixture(scope="session")
def synthetic() -> Make:
    """The maker of invented records."""
    return make_records
