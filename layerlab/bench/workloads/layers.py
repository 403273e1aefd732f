"""Sweeps that share states of layers: (c) rewinds after fine-tuning, (d) freezing to a growing depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from layerlab.bench.corpora import languages_of
from layerlab.bench.settings import BenchSettings, layerlab, program
from layerlab.bench.workload import Goal, Workload
from layerlab.bench.workloads.inputs import call, make_treebanks, study_encoder
from layerlab.bench.workloads.studies import study_contenders, upos_study
from layerlab.files import write_json

N_LAYERS: Final = 12


@dataclass(frozen=True)
class LayerSize:
    """How large a sweep is.

    Attributes:
        layers: How many of the twelve layers are swept, from the bottom.
        targets: Languages that are evaluated.
        train: Sentences.
        dev: Sentences.
        test: Sentences of each target.
        epochs: Passes.
        seconds: About how long the plain path takes on two cores.
    """

    layers: int
    targets: int
    train: int
    dev: int
    test: int
    epochs: int
    seconds: float

    @property
    def sizes(self) -> Mapping[str, int]:
        """Sentences by split."""
        return {"train": self.train, "dev": self.dev, "test": self.test}


AFTER: Final[Mapping[str, LayerSize]] = MappingProxyType(
    {
        "small": LayerSize(2, 2, 16, 4, 4, 1, 8),
        "default": LayerSize(N_LAYERS, 10, 200, 50, 250, 1, 70),
        "full": LayerSize(N_LAYERS, 10, 1500, 500, 1000, 3, 300),
    }
)
FREEZING: Final[Mapping[str, LayerSize]] = MappingProxyType(
    {
        "small": LayerSize(1, 2, 16, 4, 4, 1, 8),
        "default": LayerSize(N_LAYERS, 4, 200, 48, 40, 3, 60),
        "full": LayerSize(N_LAYERS, 10, 1500, 500, 250, 3, 1200),
    }
)
_TRAINING: Final = {"learning_rate": 1e-3, "batch_size": 16}


def after_sweep(settings: BenchSettings) -> Workload:
    """Return (c): every layer of a fit is set back to its pretrained weights, and evaluated."""
    size, place = AFTER[settings.scale], settings.work / "c"
    rewinds = [
        {"name": f"rewind {layer}", "after": [{"reset": {"layers": str(layer), "to": "pretrained"}}]}
        for layer in range(size.layers)
    ]
    study, begun = place / "study.yaml", place / "fitted"
    languages = languages_of(settings.data)[: size.targets]

    def prepare() -> None:
        _write(settings, "c", size, languages, ["none", *rewinds])
        if not (begun / "records.csv").is_file():
            call(layerlab("run", study, "--results", begun, "--no-report", "--only", "ablation=none"))

    about = (
        f"{size.layers} rewinds x {len(languages)} targets of {size.test} sentences; the fit is there "
        "when the clock starts"
    )
    only = [f"ablation=rewind {layer}" for layer in range(size.layers)]
    return Workload(
        "c",
        f"rewinding each layer after fine-tuning, UPOS, {study_encoder(settings)}",
        about,
        study_contenders(settings, study, size.seconds, begun=begun),
        (Goal("wall", "plain", 1.6), Goal("cpu", "plain", 1.6)),
        prepare,
        program("flops", "study", study, *only),
        study,
    )


def freezing(settings: BenchSettings) -> Workload:
    """Return (d): the embeddings and a growing number of layers are frozen, without dropout."""
    size = FREEZING[settings.scale]
    languages = languages_of(settings.data)[: size.targets]
    frozen = ["embeddings", *(f"embeddings,first:{depth}" for depth in range(1, size.layers + 1))]
    depths = [
        {"name": f"freeze {depth}", "before": [{"freeze": {"layers": layers, "dropout": False}}]}
        for depth, layers in enumerate(frozen)
    ]
    study = settings.work / "d" / "study.yaml"

    def prepare() -> None:
        _write(settings, "d", size, languages, depths)

    return Workload(
        "d",
        f"freezing to depth 0 to {size.layers} without dropout, UPOS, {study_encoder(settings)}",
        f"{len(depths)} fits of {size.epochs} epochs on {size.train} sentences, {len(languages)} targets of "
        f"{size.test}; embeddings frozen too",
        study_contenders(settings, study, size.seconds),
        (Goal("wall", "plain", 2.0), Goal("cpu", "plain", 2.0)),
        prepare,
        program("flops", "study", study),
        study,
    )


def _write(
    settings: BenchSettings, name: str, size: LayerSize, languages: tuple[str, ...], ablations: list[Any]
) -> None:
    place: Path = settings.work / name
    make_treebanks(settings, place / "treebanks", languages, size.sizes)
    training = {**_TRAINING, "epochs": size.epochs}
    encoder = study_encoder(settings)
    more = {"seeds": [0], "training": training}
    plain = upos_study(name, place / "treebanks", languages, encoder, ablations, **more)
    write_json(place / "study.yaml", plain)
