"""Heads on the levels of a frozen encoder, and how all of them are trained at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from layerlab.errors import TrainingError
from layerlab.measures.frozen_states import FrozenStates
from layerlab.measures.options import ProbeTraining
from layerlab.tasks.task import Task
from layerlab.training.batching import epoch_batches
from layerlab.training.optimizer import build_optimizer
from layerlab.training.schedule import rate_factor
from layerlab.training.streams import head_seed

_NO_CHANGE = 1e-6  # deviation of a dimension that is the same everywhere


class LayerProbes(nn.Module):
    """A head on each of several levels of a frozen encoder.

    All heads begin with the same weights, those that a fine-tuning with the seed begins with, so that levels
    differ by their states alone.

    Attributes:
        heads: One for each level.
        mean: What is taken from the states, ``(levels, hidden)``.
        scale: What they are multiplied with then, ``(levels, hidden)``.
    """

    def __init__(
        self, task: Task, n_labels: int, moments: tuple[Tensor, Tensor], seed: int, n_levels: int
    ) -> None:
        super().__init__()
        mean, scale = moments
        heads = []
        for _ in range(n_levels):
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(head_seed(seed))
                heads.append(task.build_head(mean.shape[1], n_labels, 0.0))
        self.heads = nn.ModuleList(heads).to(mean.device)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, states: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        """Return each head's output.

        Args:
            states: ``(levels, batch, positions, hidden)``.
            batch: What else the heads take, by name; labels are kept from them.
        """
        for_head = {name: tensor for name, tensor in batch.items() if name != "labels"}
        mean, scale = self.get_buffer("mean"), self.get_buffer("scale")
        states = (states - mean[:, None, None]) * scale[:, None, None]
        return [head(level, **for_head) for head, level in zip(self.heads, states, strict=True)]


def state_moments(states: FrozenStates, standardise: bool = True) -> tuple[Tensor, Tensor]:
    """Return mean and inverse deviation of a corpus's states, ``(levels, hidden)`` each; 0 and 1 if not."""
    shape = (len(states.levels), states.width)
    if not standardise:
        return torch.zeros(shape, device=states.device), torch.ones(shape, device=states.device)
    total, squares = torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.float64)
    n = 0
    for batch in states.batches():
        block = torch.cat(states.states(batch), dim=1).cpu().double()
        total += block.sum(dim=1)
        squares += block.square().sum(dim=1)
        n += block.shape[1]
    mean = total / n
    deviation = (squares / n - mean.square()).clamp(min=0).sqrt()
    # A dimension that never changes says nothing, and is left at zero.
    scale = torch.where(deviation > _NO_CHANGE, 1 / deviation.clamp(min=_NO_CHANGE), 0.0)
    return mean.float().to(states.device), scale.float().to(states.device)


def train_probes(
    states: FrozenStates, task: Task, seed: int, training: ProbeTraining, moments: tuple[Tensor, Tensor]
) -> LayerProbes:
    """Train a probe on each level at once; the order of the data is that of a fine-tuning with the seed.

    Raises:
        TrainingError: A loss is no longer finite.
    """
    corpus = states.corpus
    probes = LayerProbes(task, len(corpus.labels), moments, seed, len(states.levels))
    optimizer = build_optimizer([(probes, training.learning_rate)], training.weight_decay)
    lengths = [len(example.input_ids) for example in corpus.encoded.examples]
    n_steps = -(-len(lengths) // training.batch_size) * training.epochs
    step = 0
    for epoch in range(training.epochs):
        for chosen in epoch_batches(lengths, training.batch_size, seed, epoch):
            for group in optimizer.param_groups:
                group["lr"] = training.learning_rate * rate_factor(step, n_steps, training.warmup)
            read, batch = states.read(chosen)
            losses = torch.stack([task.loss(output, batch["labels"]) for output in probes(read, batch)])
            # Each head's gradient is that of its own loss: the others' do not depend on it.
            (losses.sum() / max(1, task.n_targets(batch))).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
        _check_finite(losses.detach(), states.levels, training)
    return probes


def _check_finite(losses: Tensor, levels: Sequence[int], training: ProbeTraining) -> None:
    bad = [str(level) for level, loss in zip(levels, losses.tolist(), strict=True) if not math.isfinite(loss)]
    if bad:
        raise TrainingError(
            f"the loss of the probe after {', '.join(bad)} layers is not finite; try a smaller learning rate "
            f"(now {training.learning_rate:g})"
        )
