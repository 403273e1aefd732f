"""The transfer experiment: a task network on one encoder's states reads another's, mapped into its space.

The network is trained on the source language, on the frozen states of the source's encoder after so many
layers, and reads the target language from the states of the target's encoder, which never saw the source
language. Where that works, the two encoders have found like structure.

Reference: Wu et al. (2020), section 5.1 and figure 5, with four Transformer layers in the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from layerlab.data.sentences import Corpus
from layerlab.measures.alignment.maps import AlignmentMap, fit_map
from layerlab.measures.alignment.material import Items, Material, Side, context_items, levels_beside, width_of
from layerlab.measures.alignment.network import WithLayers
from layerlab.measures.alignment.options import Aligning
from layerlab.measures.alignment.pair import Comparison, Joint, Tell, comparisons, warn_of_few
from layerlab.measures.frozen_states import FrozenStates
from layerlab.measures.layer_probes import Key, Readers, score_probes
from layerlab.measures.levels import frozen
from layerlab.measures.probe_heads import LayerProbes, state_moments, train_probes
from layerlab.measures.states import longest_input
from layerlab.models.pieces import blank_pieces
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus
from layerlab.tasks.task import Score, Task
from layerlab.tasks.words import Word, reads_words, resolved_word, with_word

_HEAD_WIDTH = 64  # of a network's attention head, as in BERT


class TransferRow(NamedTuple):
    """One score of the task network of a seed at a level, under one of `layerlab.names.CONDITIONS`."""

    seed: int
    condition: str
    target: str
    layer: int
    score: Score


@dataclass(frozen=True)
class TaskData:
    """A task and its corpora.

    Attributes:
        task: The task.
        word: What stands for a word of several word-pieces.
        train: The source's training split.
        tests: The test splits of source and target.
    """

    task: Task
    word: Word
    train: Corpus
    tests: tuple[Corpus, Corpus]

    def read_by(self, side: Side) -> Task:
        """Return the task as an encoder reads its words."""
        word = resolved_word(self.task, self.word, bool(blank_pieces(side.tokenizer)))
        return with_word(self.task, word)

    def word_of(self, side: Side) -> Word:
        """Return which states of words maps are fitted on: those that the task's head reads."""
        word: Word = getattr(self.read_by(side), "word", "mean")
        return word if reads_words(self.task) else "mean"


class Mapped:
    """Task networks that read states mapped into the space that they were trained in."""

    def __init__(self, networks: LayerProbes, maps: Sequence[AlignmentMap]) -> None:
        """Take the networks of all levels, and the map of each."""
        self._networks = networks
        pairs = [one.affine() for one in maps]
        device = networks.get_buffer("mean").device
        self._matrices, self._shifts = (
            torch.from_numpy(np.stack(some)).to(device, torch.float32) for some in zip(*pairs, strict=True)
        )

    def __call__(self, states: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        """Return each network's output from states ``(levels, batch, positions, hidden)``."""
        mapped = torch.einsum("lbph,lhk->lbpk", states, self._matrices) + self._shifts[:, None, None]
        return list(self._networks(mapped, batch))


def transfer(
    source: Side,
    target: Side,
    material: Material,
    data: TaskData,
    options: Aligning,
    seeds: Sequence[int] = (0,),
    *,
    joint: Joint = None,
    tell: Tell = lambda text: None,
    note: Tell = lambda text: None,
) -> Iterator[TransferRow]:
    """Train task networks on the source's encoder at every level, and score them on the target's, mapped.

    Maps are fitted on words in their sentences, on those of the fitting part. Under the condition ``none``
    states are as they are; so they are on the source language, which the source's own encoder reads. A joint
    model has networks of its own.

    Args:
        source: Reads the source language.
        target: Reads the target language.
        material: What maps are fitted on.
        data: The task and its corpora.
        options: How maps are fitted and networks trained.
        seeds: Of the parts, and of the networks.
        joint: A model of both languages as it reads each of them, as the upper bound.
        tell: Called with a line of text for each step.
        note: Called with what a reader of the results should know.

    Raises:
        DataError: Too few pairs, or a level that does not exist.
        TrainingError: A loss is no longer finite.
        LabelError: The target has labels that the source lacks.
    """
    trained: tuple[Side, dict[int, LayerProbes]] | None = None
    for one in comparisons(source, target, joint, options.maps):
        read = _levels(source, one.source, options)
        task = _network_task(data.read_by(one.source), options, width_of(one.source))
        if trained is None or trained[0] is not one.source:
            trained = one.source, _train(one.source, task, data, read, options, seeds, tell)
        if one.similarity in ("none", "joint"):
            own = {(one.similarity, seed): networks for seed, networks in trained[1].items()}
            scores = _score(one.source, task, data, 0, read, own, options)
            yield from _rows(scores, material.bitext.source, source, options)
        items = context_items(material, options, (data.word_of(one.source), data.word_of(one.target)))
        if one.similarity == "none":
            warn_of_few(items, {seed: items.parts(seed) for seed in seeds}, width_of(target), note)
        readers = _readers(one, items, trained[1], source, options)
        task = _network_task(data.read_by(one.target), options, width_of(one.source))
        others = _levels(source, one.target, options)
        mapped = _score(one.target, task, data, 1, others, readers, options)
        tell(f"{task.name}: {material.bitext.target} is read from {one.title}")
        yield from _rows(mapped, material.bitext.target, source, options)


def _network_task(task: Task, options: Aligning, width: int) -> Task:
    if not options.network_layers:
        return task
    heads = next(n for n in range(max(1, width // _HEAD_WIDTH), 0, -1) if width % n == 0)
    return WithLayers(task, options.network_layers, heads)


def _levels(source: Side, side: Side, options: Aligning) -> tuple[int, ...]:
    """Return the levels of an encoder that stand beside those of the source's."""
    pairs = levels_beside(source.encoder.n_layers, side.encoder.n_layers, options.layers)
    return tuple(level for _, level in pairs)


def _encode(side: Side, task: Task, data: TaskData, corpus: Corpus, options: Aligning) -> EncodedCorpus:
    length = min(options.network_training.max_length, longest_input(side.encoder, side.tokenizer))
    labels = task.label_set(data.train.sentences)
    encoded: EncodedCorpus = encode_corpus(task, corpus, labels, side.tokenizer, length)
    return encoded


def _score(
    side: Side,
    task: Task,
    data: TaskData,
    which: int,
    levels: Sequence[int],
    readers: Mapping[Key, Readers],
    options: Aligning,
) -> dict[tuple[Key, int], list[Score]]:
    """Score networks on the states of an encoder on one of the test splits."""
    corpus = _encode(side, task, data, data.tests[which], options)
    with frozen(side.encoder.base):
        return score_probes(FrozenStates(side.encoder.base, task, corpus, levels), task, readers)


def _train(
    side: Side,
    task: Task,
    data: TaskData,
    levels: Sequence[int],
    options: Aligning,
    seeds: Sequence[int],
    tell: Tell,
) -> dict[int, LayerProbes]:
    """Train a network on each level for each seed."""
    training = options.network_training
    with frozen(side.encoder.base):
        corpus = _encode(side, task, data, data.train, options)
        keep = training.keep_gib * 2**30
        states = FrozenStates(side.encoder.base, task, corpus, levels, keep_bytes=keep)
        moments = state_moments(states, training.standardise)
        sets = {}
        for seed in seeds:
            sets[seed] = train_probes(states, task, seed, training, moments)
            tell(f"{task.name}: {len(levels)} networks of seed {seed} are trained on {side.label}")
    return sets


def _readers(
    one: Comparison, items: Items, networks: Mapping[int, LayerProbes], source: Side, options: Aligning
) -> dict[tuple[str, int], Any]:
    """Return the networks of each seed behind each map of a comparison."""
    here = items.read(one.source, 0, _levels(source, one.source, options))
    there = items.read(one.target, 1, _levels(source, one.target, options))
    readers: dict[tuple[str, int], Any] = {}
    for condition, how in one.maps.items():
        if how == "none":
            readers |= {(condition, seed): own for seed, own in networks.items()}
            continue
        for seed, own in networks.items():
            fit = items.pairs[items.parts(seed).fit]
            solve = partial(fit_map, how=how, rounds=0, seed=seed)
            maps = [
                solve(theirs[fit[:, 1]], ours[fit[:, 0]]) for ours, theirs in zip(here, there, strict=True)
            ]
            readers[condition, seed] = Mapped(own, maps)
    return readers


def _rows(
    scores: Mapping[tuple[tuple[str, int], int], Sequence[Score]],
    target: str,
    source: Side,
    options: Aligning,
) -> Iterator[TransferRow]:
    levels = _levels(source, source, options)
    for ((condition, seed), place), some in scores.items():
        for score in some:
            yield TransferRow(seed, condition, target, levels[place], score)
