"""A projection: how long an ablation table takes on a GPU that nobody has measured it on.

It is arithmetic on assumptions that it states, never a measurement. A training step takes as long as its
floating-point operations at an assumed part of the GPU's rate, or as long as launching its kernels, whichever
is longer: short sentences leave a fast GPU waiting for launches, and that is what cohorts save.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from layerlab.study.costs.loads import PIECES_PER_WORD, Load
from layerlab.study.costs.shapes import Shape

# Kernels of a layer in a step of a BERT, without clipping and AdamW: counted on the CPU path in bf16, of a
# model alone and of several that are stacked. On a GPU, stacked attention with dropout adds a forward, a
# backward and the generator's state for each member.
_ALONE, _STACKED, _FOR_EACH_MEMBER = 122, 160, 4
# Groups of kernels of clipping and AdamW over lists of tensors.
_UPDATE: Final = 60


@dataclass(frozen=True)
class Accelerator:
    """A GPU and what is assumed of it.

    Attributes:
        name: As it is called.
        peak: Floating-point operations a second, dense, in the precision of the projection.
        utilisation: Part of the peak that large enough batched products of an encoder reach.
        launch: Seconds between two kernels that Python launches.
        fit_seconds: Seconds of each fit beside steps and evaluation: loading, decoding, writing records.
    """

    name: str
    peak: float
    utilisation: float
    launch: float
    fit_seconds: float

    def seconds(self, flops: float, kernels: float) -> float:
        """Return how long work takes: its arithmetic or its launches, whichever is longer."""
        return max(flops / (self.peak * self.utilisation), kernels * self.launch)


#: NVIDIA H200 SXM in bf16: 989 TFLOP/s dense by its data sheet; the rest is assumed.
H200_BF16: Final = Accelerator("H200, bf16", 989e12, utilisation=0.25, launch=10e-6, fit_seconds=2.0)


@dataclass(frozen=True)
class Reading:
    """What the fits and runs of one task read.

    Attributes:
        train: The training split, once.
        n_train: Its sentences.
        dev: The source's development split, once.
        test: The test split of one target.
        epochs: Passes.
    """

    train: Load
    n_train: int
    dev: Load
    test: Load
    epochs: int = 3

    @classmethod
    def of(cls, train: tuple[int, int], dev: tuple[int, int], test: tuple[int, int]) -> Reading:
        """Return what splits of so many sentences and words each mean, at the assumed pieces a word.

        >>> Reading.of((2, 16), (1, 8), (1, 8)).train
        Load(pieces=28.0, pairs=588.0)
        """
        return cls(_load(*train), train[0], _load(*dev), _load(*test))


def _load(n_sentences: int, n_words: int) -> Load:
    pieces = n_words * PIECES_PER_WORD + 2.0 * n_sentences
    # Lengths of sentences spread so that their squares are one and a half times the squared mean.
    return Load(pieces, 1.5 * pieces**2 / n_sentences)


# Sentences and words: UD English-EWT for training and dev, a middling test set; WikiANN, 8 words a sentence.
_TREEBANK: Final = Reading.of((12_544, 204_607), (2_001, 25_149), (1_500, 27_000))
_WIKIANN: Final = Reading.of((20_000, 160_000), (10_000, 80_000), (10_000, 80_000))


@dataclass(frozen=True)
class Table:
    """An ablation table.

    Attributes:
        tasks: What each reads.
        sources: Source languages.
        columns: Ablations before fine-tuning, the baseline among them; they make one cohort.
        seeds: Seeds.
        targets: Target languages.
        batch_size: Sentences in a step.
    """

    tasks: Mapping[str, Reading]
    sources: int
    columns: int
    seeds: int
    targets: int
    batch_size: int = 32

    @property
    def n_fits(self) -> int:
        """Fits of the whole table."""
        return len(self.tasks) * self.sources * self.columns * self.seeds


#: Table 1 of RANDOM-INIT (Muller et al. 2021).
TABLE_1: Final = Table(
    MappingProxyType({"upos": _TREEBANK, "parsing": _TREEBANK, "ner": _WIKIANN}),
    sources=3,
    columns=7,
    seeds=5,
    targets=17,
)


@dataclass(frozen=True)
class Projection:
    """How long a table takes, projected.

    Attributes:
        n_fits: Fits.
        training_flops: Floating-point operations of fine-tuning, of all fits.
        evaluation_flops: Those of dev and test sets.
        training: Seconds in training steps.
        evaluation: Seconds in evaluation.
        other: Seconds beside both.
        members: Fits that are trained together.
        on: The GPU and what is assumed of it.
    """

    n_fits: int
    training_flops: float
    evaluation_flops: float
    training: float
    evaluation: float
    other: float
    members: int
    on: Accelerator

    @property
    def hours(self) -> float:
        """Hours in all."""
        return (self.training + self.evaluation + self.other) / 3600

    def describe(self) -> list[str]:
        """Return the projection in lines, each assumption among them."""
        way = f"{self.members} fits together" if self.members > 1 else "fits one by one"
        on = self.on
        return [
            f"PROJECTION, not measured: {self.n_fits} fits in {self.hours:.2g} hours on one {on.name}, {way}",
            f"training   {_minutes(self.training)} ({self.training_flops:.2e} FLOP)",
            f"evaluation {_minutes(self.evaluation)} ({self.evaluation_flops:.2e} FLOP)",
            f"other      {_minutes(self.other)}",
            f"assumed    {on.utilisation:.0%} of {on.peak / 1e12:,.0f} TFLOP/s, {on.launch * 1e6:g} us a "
            f"kernel, {on.fit_seconds:g} s a fit beside steps and evaluation",
            "           padding, heads and the traffic of memory are not counted",
        ]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:,.0f} min"


def project(
    shape: Shape, table: Table = TABLE_1, on: Accelerator = H200_BF16, members: int = 1
) -> Projection:
    """Project how long a table takes with an encoder of a size.

    Args:
        shape: The encoder.
        table: What is fitted and evaluated.
        on: The GPU.
        members: Fits that are trained together, at most the table's columns.

    Raises:
        ValueError: There are more members than columns, or fewer than one.
    """
    if not 1 <= members <= table.columns:
        raise ValueError(f"expected 1 to {table.columns} members, the table's columns; got {members}")
    n_each = table.n_fits // len(table.tasks)
    kernels = _kernels(shape.n_layers, members)
    training_flops = evaluation_flops = training = evaluation = 0.0
    for reads in table.tasks.values():
        flops = 3 * reads.epochs * shape.forward_flops(reads.train)
        n_steps = reads.epochs * -(-reads.n_train // table.batch_size)
        # Members of a cohort share the launches of a step; the last cohort of a column set may be smaller.
        n_cohorts = -(-table.columns // members) * n_each / table.columns
        training += max(on.seconds(n_each * flops, 0.0), on.seconds(0.0, n_cohorts * n_steps * kernels))
        training_flops += n_each * flops
        read = reads.dev.times(reads.epochs) + reads.test.times(table.targets)
        evaluation_flops += n_each * shape.forward_flops(read)
        evaluation += n_each * on.seconds(shape.forward_flops(read), 0.0)
    other = table.n_fits * on.fit_seconds
    return Projection(
        table.n_fits, training_flops, evaluation_flops, training, evaluation, other, members, on
    )


def _kernels(n_layers: int, members: int) -> float:
    """Return the kernels of one step."""
    if members == 1:
        return float(_ALONE * n_layers + _UPDATE)
    return float((_STACKED + _FOR_EACH_MEMBER * members) * n_layers + _UPDATE)
