"""Floating-point operations that work needs, counted from shapes.

``python -m layerlab.bench.programs.flops study STUDY [COLUMN=VALUE ...]`` counts a study, or its runs with
these columns: the forward pass over the real word-pieces, without padding, once where something is evaluated
and three times where it is trained on, in those layers alone that must be computed. Layers that a later
ablation leaves as they are, and frozen layers without dropout, are counted once for all who share them.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from layerlab.ablation.interventions import Freeze
from layerlab.data.catalog.corpus import DataSpec, find_corpus
from layerlab.data.formats.bitext_files import read_bitexts
from layerlab.data.sentences import Corpus
from layerlab.models.layers import Layers
from layerlab.models.loading import load_config
from layerlab.models.tokenizers import load_tokenizer
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.process import quieten_transformers
from layerlab.study.costs.loads import Load
from layerlab.study.costs.shapes import Shape, shape_of_config
from layerlab.study.plan import Plan
from layerlab.study.study import Study
from layerlab.tasks.corpora import encode_corpus, read_corpus
from layerlab.tasks.task import get_task


@dataclass
class _Ledger:
    """Operations so far, and what was read to count them.

    Attributes:
        own: Operations that nobody shares.
        shared: States that several compute alike: how deep the deepest of them needs them, and their cost
            a layer.
        shapes: Sizes of encoders.
        loads: Real word-pieces of corpora.
    """

    own: float = 0.0
    shared: dict[Any, tuple[int, float]] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    loads: dict[Any, Load] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """All operations."""
        return self.own + sum(depth * layer for depth, layer in self.shared.values())

    def pay(self, shape: Shape, load: Load, first: int, times: float, key: Hashable) -> None:
        """Count the layers from ``first`` on so many times, those below once for all with the same key."""
        layer = shape.forward_flops(load) / shape.n_layers
        self.own += times * (shape.n_layers - first) * layer
        depth, _ = self.shared.get(key, (0, layer))
        self.shared[key] = (max(first, depth), layer)

    def shape(self, fit: Fit) -> Shape:
        """Return the size of a fit's encoder."""
        if fit.model not in self.shapes:
            config = load_config(fit.location, revision=fit.revision)
            self.shapes[fit.model] = shape_of_config(fit.model, config)
        return self.shapes[fit.model]

    def load(self, fit: Fit, data: DataSpec, language: str, split: str) -> Load:
        """Return the real word-pieces of a corpus, as the fit's encoder reads it."""
        key = (fit.model, fit.spec.task, data.model_dump_json(), language, split)
        if key not in self.loads:
            task = get_task(fit.spec.task)

            def read(of: str, name: str) -> Corpus:
                return read_corpus(find_corpus(data, task.name, task.formats, of, name))

            labels = task.label_set(read(fit.source, "train").sentences)
            tokenizer = load_tokenizer(fit.location, fit.revision)
            corpus = encode_corpus(task, read(language, split), labels, tokenizer, fit.training.max_length)
            lengths = [len(example.input_ids) for example in corpus.encoded.examples]
            self.loads[key] = Load(float(sum(lengths)), float(sum(length**2 for length in lengths)))
        return self.loads[key]


def count_plan(plan: Plan, with_fits: bool = True) -> float:
    """Return the operations that a plan needs.

    Args:
        plan: Its corpora are read and encoded.
        with_fits: Whether its fits are still to be made.
    """
    ledger = _Ledger()
    fits = {fit.id: fit for fit in plan.of(Fit)}
    for fit in fits.values() if with_fits else ():
        shape, epochs = ledger.shape(fit), fit.training.epochs
        first = frozen_prefix(fit, shape.n_layers)
        for split, times in (("train", 3.0), ("dev", 1.0)):
            load = ledger.load(fit, fit.data, fit.source, split)
            ledger.pay(shape, load, first, times * epochs, (fit.model, fit.source, split))
    for run in plan.of(Run):
        fit = fits[run.fit]
        shape = ledger.shape(fit)
        frozen = frozen_prefix(fit, shape.n_layers)
        for target in run.spec.targets:
            load = ledger.load(fit, run.data, target, "test")
            if run.after:
                ledger.pay(shape, load, first_changed(run), 1.0, (fit.id, target))
            elif frozen:
                ledger.pay(shape, load, frozen, 1.0, (fit.model, target))
            else:
                ledger.pay(shape, load, shape.n_layers, 0.0, (fit.id, target))
    return ledger.total


def frozen_prefix(fit: Fit, n_layers: int) -> int:
    """Return how many layers from the bottom always give the same states: frozen, without dropout."""
    held: set[int] = set()
    embeddings = False
    for item in fit.before:
        if isinstance(item, Freeze) and not item.dropout and not fit.during:
            chosen = Layers.parse(item.layers)
            held |= set(chosen.indices(n_layers))
            embeddings = embeddings or chosen.embeddings
    return next((index for index in range(n_layers) if index not in held), n_layers) if embeddings else 0


def first_changed(run: Run) -> int:
    """Return the lowest layer that interventions after fine-tuning change; 0 where it is not known."""
    first: Any = run.columns.get("first_layer")
    return max(0, int(first)) if first is not None and first == first else 0


def count_measure(model: str, place: str, pair_with: str, others: str, sentences: int) -> float:
    """Return the operations of reading parallel sentences once in each language."""
    bitexts = read_bitexts(place, others.split(","), pair_with, sentences=sentences)
    texts = {id(text): text for one in bitexts for text in (one.sources, one.targets)}
    tokenizer = load_tokenizer(model, None)
    load = Load()
    for text in texts.values():
        for sentence in text:
            pieces = tokenizer(" ".join(getattr(sentence, "words", None) or [str(sentence)]))["input_ids"]
            load += Load(float(len(pieces)), float(len(pieces) ** 2))
    return shape_of_config(model, load_config(model)).forward_flops(load)


def main(what: str, *arguments: str) -> None:
    """Print the operations of a study or of a measure."""
    quieten_transformers()
    if what == "measure":
        model, place, pair_with, others, sentences = arguments
        print(count_measure(model, place, pair_with, others, int(sentences)))
        return
    study, *pairs = arguments
    columns: dict[str, list[str]] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        columns.setdefault(name, []).append(value)
    plan = Study.from_yaml(study).plan()
    print(count_plan(plan.select(**columns) if columns else plan, with_fits=not columns))


if __name__ == "__main__":
    main(*sys.argv[1:])
