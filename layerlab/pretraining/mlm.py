"""Masked-LM pretraining from a spec to a plain Hugging Face folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from layerlab.pretraining import checkpoint
from layerlab.pretraining.batches import Order, shares
from layerlab.pretraining.checkpoint import Progressed
from layerlab.pretraining.head import head_of
from layerlab.pretraining.material import prepare
from layerlab.pretraining.model import build_model, check_architecture
from layerlab.pretraining.parallel import PARALLEL
from layerlab.pretraining.result import write_result
from layerlab.pretraining.steps import Parts, build_optimizer, held_out_losses, train_step

if TYPE_CHECKING:
    from layerlab.pretraining.corpus import Tokens
    from layerlab.pretraining.spec import PretrainingSpec


@dataclass(frozen=True)
class Progress:
    """What is told after every step, or in words before the first.

    Attributes:
        step: Steps done.
        steps: Steps in all.
        loss: Loss of the last step, in nats per predicted token.
        tokens_per_second: Tokens read a second since this start.
        seconds_left: Estimated time to the last step, in seconds.
        held_out: Held-out loss by language, when this step measured it.
        message: What is being prepared, before the first step.
    """

    step: int
    steps: int
    loss: float = float("nan")
    tokens_per_second: float = float("nan")
    seconds_left: float = float("nan")
    held_out: dict[str, float] | None = None
    message: str = ""


def pretrain(
    spec: PretrainingSpec,
    folder: str | Path,
    *,
    checkpoint_seconds: float = 60,
    progress: Callable[[Progress], None] | None = None,
    threads: int | None = None,
    stop_after: int | None = None,
) -> Path:
    """Pretrain an encoder, or go on where a killed pretraining of the same spec stopped.

    On one CPU thread the resumed losses are bit for bit those of an undisturbed pretraining: a step's
    sequences, masks and dropout come from the seed and the step alone.

    Args:
        spec: What to pretrain.
        folder: Where the model goes; ``state/`` in it keeps what resuming needs.
        checkpoint_seconds: Least time between two checkpoints, in seconds.
        progress: Called after every step.
        threads: CPU threads; None leaves PyTorch's number.
        stop_after: Write the model after this many steps of the schedule instead of all; the next start
            goes on from there.

    Returns:
        The folder, with ``config.json``, ``model.safetensors``, the tokenizer, ``README.md`` and
        ``training.json``.

    Raises:
        DataError: A corpus that is missing, unreadable or too small.
        CheckpointError: ``folder`` holds a pretraining of another spec.
        ArchitectureError: Not a masked-LM architecture, or options that it does not have.
    """
    folder = Path(folder)
    check_architecture(spec)
    tell = progress or (lambda told: None)
    last = spec.steps if stop_after is None else min(spec.steps, stop_after)
    with _threads(threads), torch.random.fork_rng(devices=[]):
        material = prepare(spec, folder, lambda text: tell(Progress(0, spec.steps, message=text)))
        sequences = {language: packed.train for language, packed in material.packed.items()}
        order = Order(sequences, _shares(spec, sequences), spec.batch_sequences, spec.steps, spec.seed)
        model = build_model(spec, len(material.tokenizer))
        optimizer = build_optimizer(model, spec)
        parts = Parts(spec, material, order, model, head_of(model), optimizer)
        done = checkpoint.load(folder, model, optimizer)
        done = _train(parts, done, last, folder, checkpoint_seconds, tell)
        write_result(folder, spec, material, model, done, order.sequences_seen(done.step))
    return folder


def _shares(spec: PretrainingSpec, sequences: Mapping[str, Tokens]) -> dict[str, float]:
    fixed = {} if spec.parallel is None else {PARALLEL: spec.parallel.share}
    return shares({key: len(rows) for key, rows in sequences.items()}, spec.sampling_exponent, fixed)


def _train(
    parts: Parts,
    done: Progressed,
    last: int,
    folder: Path,
    checkpoint_seconds: float,
    tell: Callable[[Progress], None],
) -> Progressed:
    spec, losses, held_out = parts.spec, list(done.losses), list(done.held_out)
    tokens_per_step = spec.batch_sequences * spec.sequence_length
    seconds, saved_at = 0.0, time.monotonic()
    for step in range(done.step, last):
        began = time.monotonic()
        losses.append(train_step(parts, step))
        seconds += time.monotonic() - began
        measured = None
        if (step + 1) % spec.evaluate_every == 0 or step + 1 == spec.steps:
            measured = held_out_losses(parts)
            held_out.append({"step": step + 1, "loss": measured})
        n_steps = step + 1 - done.step
        left = (last - step - 1) * seconds / n_steps
        speed = n_steps * tokens_per_step / seconds
        tell(Progress(step + 1, spec.steps, losses[-1], speed, left, measured))
        if time.monotonic() - saved_at >= checkpoint_seconds or step + 1 == last:
            progressed = Progressed(step + 1, tuple(losses), tuple(held_out), done.seconds + seconds)
            checkpoint.save(folder, parts.model, parts.optimizer, progressed)
            saved_at = time.monotonic()
    return Progressed(max(last, done.step), tuple(losses), tuple(held_out), done.seconds + seconds)


@contextmanager
def _threads(threads: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
