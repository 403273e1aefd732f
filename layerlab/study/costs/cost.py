"""What a plan costs: word-pieces, floating-point operations, GPU-hours, memory and disk."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layerlab.data.catalog.corpus import DataSpec, find_corpus
from layerlab.data.sentences import take_evenly
from layerlab.errors import CheckpointError
from layerlab.models.stored.remembered import recall, remembered
from layerlab.models.tokenizers import find_tokenizers
from layerlab.nodes.kinds.evaluation.measurement import read_measured
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.nodes.kinds.run import Run
from layerlab.study.costs.loads import PIECES_PER_WORD, SAMPLE, Load, measure_pieces, read_load
from layerlab.study.costs.shapes import STORED, TRAINED, Shape, shape_of, shape_of_fit
from layerlab.study.costs.watching import count_readings
from layerlab.study.directory.keeping import KEEP, Keeping
from layerlab.targets import sources_of
from layerlab.tasks.corpora import read_corpus
from layerlab.tasks.task import get_task
from layerlab.training.mixing import even_share

if TYPE_CHECKING:
    from layerlab.study.plan import Plan


@dataclass(frozen=True)
class Cost:
    """What carrying out a plan costs; what its pretrainings do stands in `pretraining_cost`.

    Attributes:
        shapes: Sizes of the encoders, in the order of the plan.
        training: What is read in fine-tuning, over all epochs.
        evaluation: What is read for scores (dev after each epoch, the targets in each run), trajectories and
            measures.
        training_flops: Floating-point operations of fine-tuning.
        evaluation_flops: Floating-point operations of evaluation.
        trajectory_flops: Those of them for trajectories.
        disk: Bytes of the weights that the fits keep, by what a study's ``keep`` may be.
        fit_bytes: Bytes of the weights of the largest fit.
        memory: Bytes of the largest encoder while it is trained, without activations.
        pieces_per_word: Measured, or assumed.
        is_measured: Whether the encoders' own tokenizers were asked.
    """

    shapes: tuple[Shape, ...]
    training: Load
    evaluation: Load
    training_flops: float
    evaluation_flops: float
    trajectory_flops: float
    disk: Mapping[str, int]
    fit_bytes: int
    memory: int
    pieces_per_word: float
    is_measured: bool

    def hours(self, flops: float) -> float:
        """Return the GPU-hours at a throughput in FLOP/s."""
        return (self.training_flops + self.evaluation_flops) / flops / 3600


def plan_cost(plan: Plan, cost_as: str | None = None) -> Cost:
    """Return what carrying out a plan costs.

    Word-pieces are counted by the encoders' own tokenizers on a sample of each corpus, where they are here,
    and otherwise taken as ``PIECES_PER_WORD`` a word. Layers that are frozen or skipped are counted as if
    they were not.

    Args:
        plan: Its corpora are read.
        cost_as: Name of the encoder whose cost is wanted instead of the plan's own, such as
            ``bert-base-multilingual-cased``.

    Raises:
        CheckpointError: There is no such encoder.
    """
    counter = _Counter(plan, cost_as)
    by_fit: dict[str, list[Run]] = {}
    for run in plan.of(Run):
        by_fit.setdefault(run.fit, []).append(run)
    training = evaluation = Load()
    training_flops = evaluation_flops = trajectory_flops = 0.0
    stored: dict[str, int] = {}
    for fit in plan.of(Fit):
        runs = by_fit.get(fit.id, ())
        shape = counter.shape(fit)
        trained = counter.trained(fit).times(fit.training.epochs)
        read = counter.developed(fit).times(fit.training.epochs)
        seen = counter.watched(plan, fit)
        trajectory_flops += shape.forward_flops(seen)
        read += seen
        for run in runs:
            read += counter.tested(fit, run) + counter.measured(fit, run)
        training, evaluation = training + trained, evaluation + read
        training_flops += 3 * shape.forward_flops(trained)
        evaluation_flops += shape.forward_flops(read)
        stored[fit.id] = STORED * shape.parameters
    shapes = tuple(counter.shapes.values())
    kept = {keep: Keeping(plan.all_nodes, keep).kept() for keep in KEEP}
    disk = {keep: sum(stored.get(one, 0) for one in ids) for keep, ids in kept.items()}
    memory = TRAINED * max((shape.parameters for shape in shapes), default=0)
    per_word, measured = counter.pieces_per_word()
    return Cost(
        shapes=shapes,
        training=training,
        evaluation=evaluation,
        training_flops=training_flops,
        evaluation_flops=evaluation_flops,
        trajectory_flops=trajectory_flops,
        disk=disk,
        fit_bytes=max(stored.values(), default=0),
        memory=memory,
        pieces_per_word=per_word,
        is_measured=measured,
    )


class _Counter:
    """Shapes and loads of a plan's encoders and corpora, each found once."""

    def __init__(self, plan: Plan, cost_as: str | None) -> None:
        self.specs = {first.id: first.spec for first in plan.of(Pretraining)}
        self.wanted = None if cost_as is None else shape_of(cost_as)
        self.cost_as = cost_as
        self.shapes: dict[str, Shape] = {}
        self.n_pieces = self.n_words = 0
        self._loads: dict[Hashable, Load] = {}
        self._sizes: dict[tuple[str, str], int] = {}
        self._texts: dict[int, tuple[DataSpec, str]] = {}
        self._tokenizer: Callable[[str, str | None], Any] = functools.cache(_tokenizer_here)

    def shape(self, fit: Fit) -> Shape:
        """Return the size of a fit's encoder, or of the one that is asked for."""
        key = self.cost_as or fit.model
        if key not in self.shapes:
            self.shapes[key] = self.wanted or shape_of_fit(fit, self.specs)
        return self.shapes[key]

    def trained(self, fit: Fit) -> Load:
        """Return what an epoch of a fit reads of its training splits, as its languages are mixed."""
        languages = sources_of(fit.source)
        loads = [self.load(fit, fit.data, language, "train") for language in languages]
        if len(loads) == 1 or fit.training.mixing == "size":
            return sum(loads, Load())
        sizes = [self._sizes[fit.spec.task, language] for language in languages]
        shares = [even_share(sizes, number) for number in range(len(sizes))]
        return sum((load.times(share) for load, share in zip(loads, shares, strict=True)), Load())

    def developed(self, fit: Fit) -> Load:
        """Return what reading the source's development splits once means."""
        return sum((self.load(fit, fit.data, name, "dev") for name in sources_of(fit.source)), Load())

    def tested(self, fit: Fit, run: Run) -> Load:
        """Return what evaluating a run on its targets reads; runs of a plan share few sets of targets."""
        key = ("tested", fit.model, fit.spec.task, self._written(run.data), *run.spec.targets)
        if key not in self._loads:
            loads = (self.load(fit, run.data, target, "test") for target in run.spec.targets)
            self._loads[key] = sum(loads, Load())
        return self._loads[key]

    def watched(self, plan: Plan, fit: Fit) -> Load:
        """Return what a fit's trajectory reads beyond source dev at the ends of epochs."""
        n_tests, n_dev = count_readings(plan, fit)
        read = self.developed(fit).times(n_dev)
        for target in fit.watched.targets if fit.watched else ():
            read += self.load(fit, fit.data, target, "test").times(n_tests)
        return read

    def load(self, fit: Fit, data: DataSpec, language: str, split: str) -> Load:
        """Return what reading a corpus once means for a fit's encoder."""
        key = (fit.model, fit.spec.task, self._written(data), language, split)
        if key not in self._loads:
            task = get_task(fit.spec.task)
            ref = find_corpus(data, task.name, task.formats, language, split)
            sentences = read_corpus(ref).sentences
            if split == "train":
                self._sizes[task.name, language] = len(sentences)
            self._loads[key] = self._read(fit, sentences, ref.digest)
        return self._loads[key]

    def _written(self, data: DataSpec) -> str:
        """Return where corpora are as text; the nodes of a plan share few values."""
        if id(data) not in self._texts:
            self._texts[id(data)] = (data, data.model_dump_json())
        return self._texts[id(data)][1]

    def measured(self, fit: Fit, run: Run) -> Load:
        """Return what a run's measures read: each parallel text once for each pooling."""
        if run.measures is None:
            return Load()
        key = (fit.model, run.measures)
        if key not in self._loads:
            found = read_measured(run.measures, run.data.controlled)
            texts = {id(text): text for one in found for text in (one.sources, one.targets)}
            read = [self._read(fit, tuple(text)) for text in texts.values()]
            self._loads[key] = sum(read * len(run.measures.parts), Load())
        return self._loads[key]

    def _read(self, fit: Fit, items: Sequence[Any], digest: str = "") -> Load:
        return read_load(items, self._measure(fit, items, digest), fit.training.max_length)

    def _measure(self, fit: Fit, items: Sequence[Any], digest: str) -> float:
        """Return word-pieces a word: of a sample, remembered for a corpus with a digest, or assumed."""
        if fit.pretraining is not None and self.cost_as is None:
            return PIECES_PER_WORD  # its tokenizer is yet to be made
        name, revision = (self.cost_as, None) if self.cost_as else (fit.location, fit.revision)
        key = f"{fit.spec.checkpoint} {digest}" if digest and not self.cost_as else ""
        known = recall("pieces", key) if key else None
        if known is None:
            tokenizer = self._tokenizer(name, revision)
            if tokenizer is None:
                return PIECES_PER_WORD
            counted = measure_pieces(take_evenly(items, SAMPLE), tokenizer)
            known = dict(zip(("pieces", "words"), counted, strict=True))
            if key:
                known = remembered("pieces", key, known.copy)
        n_pieces, n_words = int(known["pieces"]), int(known["words"])
        self.n_pieces, self.n_words = self.n_pieces + n_pieces, self.n_words + n_words
        return n_pieces / n_words

    def pieces_per_word(self) -> tuple[float, bool]:
        """Return word-pieces a word over all samples, and whether they were measured."""
        return (self.n_pieces / self.n_words, True) if self.n_words else (PIECES_PER_WORD, False)


def _tokenizer_here(name: str, revision: str | None) -> Any:
    """Return a tokenizer that is on this machine and can be used, or None; those of languages are alike."""
    try:
        found = find_tokenizers(name, revision)
    except CheckpointError:
        return None
    return None if found is None else found.common
