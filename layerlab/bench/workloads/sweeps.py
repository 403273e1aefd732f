"""RANDOM-INIT sweeps against the Trainer: (a) a small encoder, (b) one with a large vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from layerlab.bench.corpora import languages_of
from layerlab.bench.settings import BenchSettings, program
from layerlab.bench.workload import Contender, Goal, Workload
from layerlab.bench.workloads.inputs import (
    Encoder,
    encoder_folder,
    make_encoder,
    make_treebanks,
    study_encoder,
)
from layerlab.bench.workloads.outcomes import read_trainer
from layerlab.bench.workloads.studies import study_contenders, upos_study
from layerlab.files import write_json

N_LAYERS: Final = 12


@dataclass(frozen=True)
class SweepSize:
    """How large a sweep is.

    Attributes:
        windows: Pairs of layers that are reset, by their first layer, beside the baseline.
        seeds: Seeds.
        targets: Languages that are evaluated, the source among them.
        sizes: Sentences by split.
        epochs: Passes.
        batch_size: Sentences in a step.
        rate: Learning rate.
        seconds: About how long a repeat of the Trainer takes on two cores.
    """

    windows: tuple[int, ...]
    seeds: tuple[int, ...]
    targets: int
    sizes: Mapping[str, int]
    epochs: int
    batch_size: int
    rate: float
    seconds: float

    @property
    def words(self) -> str:
        """The sizes in words."""
        fits = (len(self.windows) + 1) * len(self.seeds)
        sizes = ", ".join(f"{size:,} {split}" for split, size in self.sizes.items())
        return (
            f"{len(self.windows) + 1} ablations, seeds {', '.join(map(str, self.seeds))}: {fits} fits of "
            f"{self.epochs} epochs, {self.targets} targets; {sizes} sentences, batches of {self.batch_size}"
        )


def _sizes(train: int, dev: int, test: int) -> Mapping[str, int]:
    return MappingProxyType({"train": train, "dev": dev, "test": test})


_PAIRS: Final = tuple(range(0, N_LAYERS, 2))
SMALL_ENCODER: Final[Mapping[str, SweepSize]] = MappingProxyType(
    {
        "small": SweepSize((0,), (0,), 2, _sizes(16, 4, 4), 1, 8, 1e-3, 8),
        "default": SweepSize(_PAIRS, (0, 1), 10, _sizes(256, 48, 40), 2, 16, 1e-3, 130),
        "full": SweepSize(_PAIRS, (0, 1), 10, _sizes(1500, 500, 250), 3, 32, 1e-3, 1800),
    }
)
LARGE_VOCABULARY: Final[Mapping[str, SweepSize]] = MappingProxyType(
    {
        "small": SweepSize((0,), (0,), 2, _sizes(16, 4, 4), 1, 8, 1e-4, 8),
        "default": SweepSize((0,), (0,), 10, _sizes(480, 24, 16), 1, 16, 1e-4, 150),
        "full": SweepSize(_PAIRS, (0, 1), 10, _sizes(600, 200, 150), 2, 16, 1e-4, 3600),
    }
)
ROWS: Final[Mapping[str, Encoder]] = MappingProxyType(
    {
        "small": Encoder(N_LAYERS, 24, 20_000),
        "default": Encoder(N_LAYERS, 384, 250_037),
        "full": Encoder(N_LAYERS, 384, 250_037),
    }
)


def small_encoder(settings: BenchSettings) -> Workload:
    """Return (a): a RANDOM-INIT sweep of the encoder that comes with layerlab."""
    goals = (
        Goal("wall", "trainer", 3.5),
        Goal("wall", "trainer-grouped", 2.2),
        Goal("cpu", "trainer", 2.5),
        Goal("cpu", "trainer-grouped", 1.6),
    )
    encoder = study_encoder(settings)
    title = f"RANDOM-INIT sweep, UPOS, {encoder}"
    return _sweep("a", title, settings, SMALL_ENCODER[settings.scale], encoder, goals)


def large_vocabulary(settings: BenchSettings) -> Workload:
    """Return (b): the same with a BERT of width 384 and 250,037 rows, or an encoder of the caller's."""
    goals = (
        Goal("wall", "trainer", 5.0),
        Goal("wall", "trainer-grouped", 3.0),
        Goal("share", None, 0.55),
    )
    size = ROWS[settings.scale]
    encoder = settings.encoder or str(encoder_folder(settings, size))
    title = f"RANDOM-INIT sweep, UPOS, {settings.encoder or size.words}"
    made = None if settings.encoder else size
    return _sweep("b", title, settings, LARGE_VOCABULARY[settings.scale], encoder, goals, made)


def _sweep(
    name: str,
    title: str,
    settings: BenchSettings,
    size: SweepSize,
    encoder: str,
    goals: tuple[Goal, ...],
    made: Encoder | None = None,
) -> Workload:
    place = settings.work / name
    study = place / "study.yaml"
    languages = languages_of(settings.data)[: size.targets]
    size = SweepSize(**{**size.__dict__, "targets": len(languages)})

    def prepare() -> None:
        make_treebanks(settings, place / "treebanks", languages, size.sizes)
        if made is not None:
            make_encoder(settings, made)
        write_json(study, _study(name, place / "treebanks", languages, encoder, size))

    def job(grouped: bool, folder: Path) -> None:
        write_json(folder / "job.json", _job(folder, place / "treebanks", languages, encoder, size, grouped))

    def trainer(folder: Path) -> list[str]:
        return program("trainer", folder / "job.json")

    contenders = (
        Contender("trainer", trainer, partial(job, False), read_trainer, size.seconds),
        Contender("trainer-grouped", trainer, partial(job, True), read_trainer, 0.7 * size.seconds),
        *study_contenders(settings, study, 0.5 * size.seconds),
    )
    flops = program("flops", "study", study)
    return Workload(name, title, size.words, contenders, goals, prepare, flops, study)


def _study(
    name: str, treebanks: Path, languages: tuple[str, ...], encoder: str, size: SweepSize
) -> dict[str, Any]:
    resets = [
        {"name": f"fresh {first}-{first + 1}", "before": [{"reset": {"layers": f"{first}-{first + 1}"}}]}
        for first in size.windows
    ]
    training = {
        "epochs": size.epochs,
        "learning_rate": size.rate,
        "batch_size": size.batch_size,
        "warmup": 0.1,
    }
    more = {"seeds": list(size.seeds), "training": training}
    return upos_study(name, treebanks, languages, encoder, ["none", *resets], **more)


def _job(
    folder: Path, treebanks: Path, languages: tuple[str, ...], encoder: str, size: SweepSize, grouped: bool
) -> dict[str, Any]:
    from layerlab.models.stored.bundled import bundled_folder

    return {
        "encoder": str(bundled_folder(encoder) or encoder),
        "data": str(treebanks.resolve()),
        "source": languages[0],
        "targets": list(languages),
        "seeds": list(size.seeds),
        "ablations": [[], *([first, first + 1] for first in size.windows)],
        "epochs": size.epochs,
        "learning_rate": size.rate,
        "batch_size": size.batch_size,
        "warmup": 0.1,
        "max_length": 256,
        "grouped": grouped,
        "output": str(folder / "output"),
    }
