"""Layer probes: where in a frozen encoder a task can be read, by a head on the states of every level.

The encoder runs once over a batch and gives the states of all levels; a head of the task's own on each of
them, linear for tags and for pairs of sentences, is trained on the source language and scored on every
target. No head sees another's loss, so training all at once gives what training each alone would give.

Reference: Alain and Bengio (2017), Understanding intermediate layers using linear classifier probes; Tenney
et al. (2019), BERT rediscovers the classical NLP pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel

from layerlab.errors import SelectionError
from layerlab.measures.frozen_states import FrozenStates
from layerlab.measures.levels import frozen
from layerlab.measures.options import ProbeTraining
from layerlab.measures.probe_heads import state_moments, train_probes
from layerlab.models.encoder import Encoder, as_encoder
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Score, Task

Key = TypeVar("Key", bound=Hashable)
#: Gives the output of each level's head, from states ``(levels, batch, positions, hidden)`` and a batch.
Readers = Callable[..., Sequence[Any]]


@dataclass(frozen=True)
class ProbeScore:
    """One score of one probe.

    Attributes:
        seed: Of the head and of the order of the data.
        target: The language it was scored on.
        layer: 0 for the output of the embeddings, ``i + 1`` for that of layer ``i``.
        score: Metric, value (a fraction) and what it is over.
    """

    seed: int
    target: str
    layer: int
    score: Score


def probe_layers(
    encoder: Encoder | PreTrainedModel,
    task: Task,
    train: EncodedCorpus,
    targets: Mapping[str, Callable[[], EncodedCorpus]] | Mapping[str, EncodedCorpus],
    *,
    seeds: Sequence[int] = (0,),
    layers: Sequence[int] | None = None,
    training: ProbeTraining | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[ProbeScore]:
    """Train probes on one language and score them on others, at every level of a frozen encoder.

    Args:
        encoder: It runs in evaluation mode and does not change; with the parts of the source language, if
            languages have parts of their own.
        task: Its head, loss and scores are used.
        train: The source language's training split.
        targets: Language to its corpus, or a function that is called when the corpus is needed.
        seeds: One set of probes for each.
        layers: Levels, 0 being the embeddings and ``i + 1`` layer ``i``; all by default.
        training: Hyper-parameters.
        progress: Called with a line of text for each step.

    Raises:
        SelectionError: A level that the encoder does not have.
        TrainingError: A loss is no longer finite.
    """
    encoder, training = as_encoder(encoder), training or ProbeTraining()
    levels = check_levels(layers, encoder.n_layers)
    tell = progress or (lambda text: None)
    found: list[ProbeScore] = []
    with frozen(encoder.base):
        keep = training.keep_gib * 2**30
        states = FrozenStates(encoder.base, task, train, levels, keep_bytes=keep)
        moments = state_moments(states, training.standardise)
        sets = {}
        for seed in seeds:
            sets[seed] = train_probes(states, task, seed, training, moments)
            tell(f"seed {seed}: {len(levels)} probes are trained on {len(train.sentences):,} sentences")
        del states
        for target, given in targets.items():
            corpus = given() if callable(given) else given
            base = encoder.speaking(target).base
            with frozen(base):
                scores = score_probes(FrozenStates(base, task, corpus, levels), task, sets)
            found += [
                ProbeScore(seed, target, levels[place], score)
                for (seed, place), of_probe in scores.items()
                for score in of_probe
            ]
            tell(f"{target}: scored on {len(corpus.sentences):,} sentences")
    return found


def check_levels(layers: Sequence[int] | None, n_layers: int) -> tuple[int, ...]:
    """Return the levels to probe, sorted; all of an encoder's by default.

    Raises:
        SelectionError: The encoder does not have such a level.

    >>> check_levels(None, 2), check_levels([2, 0, 2], 2)
    ((0, 1, 2), (0, 2))
    """
    levels = tuple(sorted(set(range(n_layers + 1) if layers is None else layers)))
    strange = [str(level) for level in levels if not 0 <= level <= n_layers]
    if strange or not levels:
        raise SelectionError(
            f"no layer {', '.join(strange) or 'is given'} to probe: expected 0 (the embeddings) to {n_layers}"
        )
    return levels


def score_probes(
    states: FrozenStates, task: Task, sets: Mapping[Key, Readers]
) -> dict[tuple[Key, int], list[Score]]:
    """Score several sets of probes, by seed or any other key, on a corpus, over which the encoder runs once.

    Returns:
        The scores of each set's probe on each level, by the set's key and the level's place among the levels.
    """
    corpus = states.corpus
    decoded: dict[tuple[Key, int], list[Any]] = {
        (key, place): [] for key in sets for place in range(len(states.levels))
    }
    with torch.no_grad():
        for chosen in states.batches():
            read, batch = states.read(chosen)
            examples = [corpus.encoded.examples[index] for index in chosen]
            for key, probes in sets.items():
                for place, output in enumerate(probes(read, batch)):
                    decoded[key, place].extend(task.decode(output, batch, examples))
    return {key: task.score(corpus.sentences, corpus.labels, found) for key, found in decoded.items()}
