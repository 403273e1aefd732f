"""Encoders of the size of mBERT: (e) time and memory of one fit, and fits trained as one stacked model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from layerlab.bench.corpora import languages_of
from layerlab.bench.settings import BenchSettings, program
from layerlab.bench.workload import Contender, Goal, Workload
from layerlab.bench.workloads.inputs import Encoder, encoder_folder, make_encoder, make_treebanks
from layerlab.bench.workloads.outcomes import read_trainer
from layerlab.bench.workloads.studies import study_contender, upos_study
from layerlab.files import write_json


@dataclass(frozen=True)
class FitSize:
    """How large the fits are.

    Attributes:
        encoder: A BERT with random weights.
        windows: Pairs of layers that are reset, by their first layer, beside the baseline.
        train: Sentences.
        test: Sentences of dev and of the one target.
        batch_size: Sentences in a step.
        seconds: About how long one contender takes on two cores.
    """

    encoder: Encoder
    windows: tuple[int, ...]
    train: int
    test: int
    batch_size: int
    seconds: float

    @property
    def sizes(self) -> Mapping[str, int]:
        """Sentences by split."""
        return {"train": self.train, "dev": self.test, "test": self.test}


_MBERT: Final = Encoder(12, 768, 119_547)
_TINY: Final = Encoder(12, 24, 20_000)
_WIDE: Final = Encoder(12, 384, 250_037)
ONE_FIT: Final[Mapping[str, FitSize]] = MappingProxyType(
    {
        "small": FitSize(_TINY, (), 16, 4, 8, 5),
        "default": FitSize(_MBERT, (), 64, 16, 16, 35),
        "full": FitSize(_MBERT, (), 1500, 250, 16, 900),
    }
)
SEVEN: Final[Mapping[str, FitSize]] = MappingProxyType(
    {
        "small": FitSize(_TINY, (0,), 16, 4, 8, 5),
        "default": FitSize(_WIDE, tuple(range(0, 12, 2)), 32, 8, 16, 40),
        "full": FitSize(_MBERT, tuple(range(0, 12, 2)), 1500, 250, 32, 3600),
    }
)


def one_fit(settings: BenchSettings) -> Workload:
    """Return (e): one fit and one evaluation at the size of mBERT, with and without vocabulary trimming."""
    size, place = ONE_FIT[settings.scale], settings.work / "e"
    source = languages_of(settings.data)[:1]

    def job(folder: Path) -> None:
        write_json(
            folder / "job.json",
            {
                "encoder": str(encoder_folder(settings, size.encoder)),
                "data": str((place / "treebanks").resolve()),
                "source": source[0],
                "targets": list(source),
                "seeds": [0],
                "ablations": [[]],
                "epochs": 1,
                "learning_rate": 5e-5,
                "batch_size": size.batch_size,
                "warmup": 0.1,
                "max_length": 256,
                "grouped": False,
                "output": str(folder / "output"),
            },
        )

    study = place / "study.yaml"
    trainer = Contender(
        "trainer",
        lambda folder: program("trainer", folder / "job.json"),
        job,
        read_trainer,
        size.seconds,
    )
    contenders = (
        trainer,
        study_contender(settings, "layerlab", study, "all", size.seconds),
        study_contender(settings, "untrimmed", study, "-trimming", size.seconds),
    )
    return Workload(
        "e",
        f"one fit and one evaluation, UPOS, {size.encoder.words}",
        f"one epoch on {size.train} sentences, dev and test of {size.test}, batches of {size.batch_size}",
        contenders,
        (Goal("memory", "untrimmed", 0.6),),
        lambda: _write(settings, "e", size),
        program("flops", "study", study),
        study,
    )


def cohort(settings: BenchSettings) -> Workload:
    """Return the workload of seven fits that see the same batches: stacked, and one after another."""
    size = SEVEN[settings.scale]
    study = settings.work / "cohorts" / "study.yaml"
    contenders = (
        study_contender(settings, "layerlab", study, "all", size.seconds),
        study_contender(settings, "sequential", study, "-cohorts", size.seconds),
    )
    return Workload(
        "cohorts",
        f"{len(size.windows) + 1} fits that see the same batches, UPOS, {size.encoder.words}",
        f"one epoch on {size.train} sentences, one target of {size.test}, batches of {size.batch_size}; on a "
        "CPU cohorts are refused and both contenders do the same",
        contenders,
        prepare=lambda: _write(settings, "cohorts", size),
        flops=program("flops", "study", study),
    )


def _write(settings: BenchSettings, name: str, size: FitSize) -> None:
    place, source = settings.work / name, languages_of(settings.data)[:1]
    make_treebanks(settings, place / "treebanks", source, size.sizes)
    make_encoder(settings, size.encoder)
    resets = [
        {"name": f"fresh {first}", "before": [{"reset": {"layers": f"{first}-{first + 1}"}}]}
        for first in size.windows
    ]
    training = {"epochs": 1, "learning_rate": 5e-5, "batch_size": size.batch_size}
    encoder = str(encoder_folder(settings, size.encoder))
    more = {"seeds": [0], "training": training}
    plain = upos_study(name, place / "treebanks", source, encoder, ["none", *resets], **more)
    write_json(place / "study.yaml", plain)
