from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np
import pandas as pd
import pytest

from layerlab.analysis.records import validate_records

TARGETS = ("de", "es", "fr", "hi", "ja", "ru", "zh")
METRICS = {"upos": "accuracy", "ner": "span_f1"}

Make = Callable[..., pd.DataFrame]


@dataclass(frozen=True)
class Condition:
    """An ablation to invent records for: its columns, and how much it hurts the targets."""

    ablation: str
    phase: str
    intervention: str
    layers: str
    first_layer: int | None
    last_layer: int | None
    hurt: float
    donor: str = ""


BASELINE = Condition("none", "none", "none", "", None, None, 0.0)
FREEZE = (
    Condition("freeze embeddings", "before", "freeze", "embeddings", -1, -1, -0.004),
    Condition("freeze to layer 2", "before", "freeze", "embeddings,0-2", -1, 2, -0.01),
    Condition("freeze to layer 5", "before", "freeze", "embeddings,0-5", -1, 5, 0.006),
    Condition("freeze to layer 5 without dropout", "before", "freeze", "embeddings,0-5", -1, 5, 0.008),
    Condition("freeze to layer 5 then unfreeze", "mixed", "mixed", "embeddings,0-5", -1, 5, 0.002),
    Condition("freeze all", "before", "freeze", "embeddings,0-11", -1, 11, 0.21),
)
SWAP = (
    Condition("lower layers of ru", "after", "swap", "0-5", 0, 5, 0.03, "0-5: fit(source=ru)"),
    Condition("upper layers of ru", "after", "swap", "6-11", 6, 11, 0.06, "6-11: fit(source=ru)"),
    Condition("all layers of ru", "after", "swap", "0-11", 0, 11, 0.05, "0-11: fit(source=ru)"),
)
CONDITIONS = {"freeze": FREEZE, "swap": SWAP}


def windows_of(n_layers: int, size: int, phase: str, options: str, largest: float) -> tuple[Condition, ...]:
    """A sweep whose effects fall from ``largest`` at the bottom to 0.001 at the top."""
    found = []
    for first in range(0, n_layers, size):
        last = first + size - 1
        layers = str(first) if size == 1 else f"{first}-{last}"
        hurt = largest * float(np.exp(-5.7 * first / max(1, n_layers - size)))
        found.append(
            Condition(f"reset({layers}{options})@{phase}", phase, "reset", layers, first, last, hurt)
        )
    return tuple(found)


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
    study: str = "synthetic",
) -> pd.DataFrame:
    """Invent records of the conditions of a study's name, or else of a sweep."""
    sweep = windows_of(n_layers, size, phase, options, largest)
    conditions = CONDITIONS.get(study, sweep)
    rng = np.random.default_rng(7)
    rows: list[dict[str, object]] = []
    for model, task, source, seed in product(models, tasks, sources, seeds):
        base = {target: 0.85 - 0.03 * index for index, target in enumerate(targets)} | {source: 0.955}
        base = {target: score + rng.normal(0, 0.004) for target, score in base.items()}
        run = {"study": study, "model": model, "task": task, "source": source, "seed": seed}
        run |= {"fit_id": f"{model}-{task}-{source}-{seed}", "split": "test", "metric": METRICS[task]}
        for condition in (BASELINE, *conditions):
            scores = invent_scores(base, source, condition, rng)
            run |= asdict(condition) | {"run_id": f"{run['fit_id']}-{condition.ablation}", "layer": None}
            rows += [run | score for score in scores]
    return validate_records(pd.DataFrame(rows))


def invent_scores(
    base: Mapping[str, float], source: str, condition: Condition, rng: np.random.Generator
) -> list[dict[str, object]]:
    """The scores of one run on every language: the source is hurt least, the last target most."""
    scores: list[dict[str, object]] = []
    for index, (target, score) in enumerate(base.items()):
        share = 0.05 if target == source else 0.6 + 0.8 * index / len(base)
        noise = 0.0 if condition is BASELINE else rng.normal(0, 0.003)
        value = score - condition.hurt * share + noise
        scores.append({"target": target, "value": value, "n": 5000 + 100 * index})
    return scores


@pytest.fixture(scope="session")
def synthetic() -> Make:
    """The maker of invented records."""
    return make_records


def make_measured(
    records: pd.DataFrame, n_layers: int = 4, measures: Sequence[str] = ("cka", "retrieval")
) -> pd.DataFrame:
    """Add measures of layers to records: before and after fine-tuning, against the pretrained, of weights."""
    rng = np.random.default_rng(3)
    rows: list[dict[str, object]] = []
    for run in records.drop_duplicates("run_id").to_dict("records"):
        languages = sorted(set(records[records["run_id"] == run["run_id"]]["target"]))
        for (index, target), layer in product(enumerate(languages), range(n_layers + 1)):
            values = {"change_cka": 1 - 0.1 * layer}
            if target != run["source"]:
                for measure in measures:
                    values |= {measure: 0.8 - 0.05 * index, f"{measure}_forward": 0.5}
                    if run["ablation"] == "none":
                        values[f"{measure}_pretrained"] = 0.9 - 0.05 * index - 0.01 * layer
            row = {str(key): value for key, value in run.items()}
            row |= {"target": target, "split": "parallel", "layer": layer, "n": 200}
            for name, value in values.items():
                noise = 0.0 if name.endswith("_pretrained") else float(rng.normal(0, 0.02))
                rows.append(row | {"metric": name, "value": value + noise})
            if target == run["source"]:
                parts = ("", "_attention", "_ffn", "_norm") if layer else ("",)
                for part in parts:
                    drift = {
                        "metric": f"drift{part}",
                        "value": 0.01 * (layer + 1) + float(rng.uniform(0, 0.002)),
                    }
                    rows.append(row | drift | {"split": "weights", "n": 1000})
    return validate_records(pd.concat([records, pd.DataFrame(rows)]))


@pytest.fixture(scope="session")
def measured(synthetic: Make) -> Make:
    """The maker of invented records with measures of layers; takes the arguments of ``synthetic``."""

    def make(
        n_layers: int = 4, measures: Sequence[str] = ("cka", "retrieval"), **shape: object
    ) -> pd.DataFrame:
        return make_measured(synthetic(n_layers=n_layers, **shape), n_layers, measures)

    return make
