"""Masked-LM pretraining from a spec to a plain Hugging Face folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from layerlab.pretraining import checkpoint
from layerlab.pretraining.checkpoint import Progressed
from layerlab.pretraining.head import head_of
from layerlab.pretraining.model import build_model, check_architecture
from layerlab.pretraining.probes import Prober
from layerlab.pretraining.rate import Machine, measure_machine
from layerlab.pretraining.result import write_result
from layerlab.pretraining.steps import Parts, build_optimizer, held_out_losses, train_step
from layerlab.pretraining.text.batches import Order, shares
from layerlab.pretraining.text.material import prepare
from layerlab.training.devices import make_accelerator
from layerlab.training.interruption import deferred_interrupt

if TYPE_CHECKING:
    from layerlab.pretraining.spec import PretrainingSpec
    from layerlab.pretraining.text.corpus import Tokens


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
        probed: What probes measured after this step, if they did.
        message: What is being prepared, before the first step.
        resumed_at: Steps that were done before this start.
        utilisation: Fraction of the machine's measured rate of matrix products that training reaches.
    """

    step: int
    steps: int
    loss: float = float("nan")
    tokens_per_second: float = float("nan")
    seconds_left: float = float("nan")
    held_out: dict[str, float] | None = None
    probed: Sequence[Mapping[str, Any]] = ()
    message: str = ""
    resumed_at: int = 0
    utilisation: float = float("nan")


def pretrain(
    spec: PretrainingSpec,
    folder: str | Path,
    *,
    checkpoint_seconds: float = 60,
    progress: Callable[[Progress], None] | None = None,
    threads: int | None = None,
    stop_after: int | None = None,
    device: str = "auto",
) -> Path:
    """Pretrain an encoder, or go on where a killed pretraining of the same spec stopped.

    On one CPU thread the resumed losses are bit for bit those of an undisturbed pretraining: a step's
    sequences, masks and dropout come from the seed and the step alone. Ctrl-C is heard between two steps and
    leaves a checkpoint. Under ``torchrun`` or ``accelerate launch`` the processes share each step.

    Args:
        spec: What to pretrain.
        folder: Where the model goes; ``state/`` in it keeps what resuming needs.
        checkpoint_seconds: Least time between two checkpoints, in seconds.
        progress: Called after every step.
        threads: CPU threads; None leaves PyTorch's number.
        stop_after: Write the model after this many steps of the schedule instead of all; the next start
            goes on from there.
        device: ``auto`` for the best device there is, or ``cpu``.

    Returns:
        The folder, with ``config.json``, ``model.safetensors``, the tokenizer, ``README.md``,
        ``training.json`` and its picture ``training.pdf`` and ``.png``.

    Raises:
        DataError: A corpus that is missing, unreadable or too small.
        CheckpointError: ``folder`` holds a pretraining of another spec.
        ArchitectureError: Not a masked-LM architecture, or options that it does not have.
        KeyboardInterrupt: Somebody stopped it; a checkpoint is written.
    """
    folder = Path(folder)
    check_architecture(spec)
    last = spec.steps if stop_after is None else min(spec.steps, stop_after)
    accelerator = make_accelerator(device)
    tell = progress if progress is not None and accelerator.is_main_process else (lambda told: None)
    with _threads(threads), torch.random.fork_rng(devices=[]):
        with accelerator.main_process_first():
            material = prepare(spec, folder, lambda text: tell(Progress(0, spec.steps, message=text)))
        sequences = {language: packed.train for language, packed in material.packed.items()}
        order = Order(sequences, _shares(spec, sequences), spec.batch_sequences, spec.steps, spec.seed)
        model = build_model(spec, len(material.tokenizer)).to(accelerator.device)
        optimizer = build_optimizer(model, spec)
        parts = Parts(spec, material, order, model, head_of(model), optimizer, accelerator)
        done = checkpoint.load(folder, model, optimizer)
        prober = Prober(spec.probes, model, material.tokenizer, spec.steps)
        machine = measure_machine(parts)
        done = _train(parts, prober, done, last, Folder(folder, checkpoint_seconds), machine, tell)
        if accelerator.is_main_process:
            write_result(folder, spec, material, model, done, order.sequences_seen(done.step), machine)
        accelerator.wait_for_everyone()
    return folder


@dataclass(frozen=True)
class Folder:
    """Where a pretraining is saved, and how often: least time between checkpoints, in seconds."""

    path: Path
    seconds: float


def _shares(spec: PretrainingSpec, sequences: Mapping[str, Tokens]) -> dict[str, float]:
    sizes = {key: len(rows) for key, rows in sequences.items()}
    return shares(sizes, spec.sampling_exponent, spec.fixed_shares())


def _train(
    parts: Parts,
    prober: Prober,
    done: Progressed,
    last: int,
    folder: Folder,
    machine: Machine,
    tell: Callable[[Progress], None],
) -> Progressed:
    spec, losses, held_out = parts.spec, list(done.losses), list(done.held_out)
    probes = list(done.probes) or prober.probe(done.step)
    tokens_per_step = spec.batch_sequences * spec.sequence_length
    seconds, saved_at = 0.0, time.monotonic()

    def progressed(step: int) -> Progressed:
        return Progressed(step, tuple(losses), tuple(held_out), done.seconds + seconds, tuple(probes))

    with deferred_interrupt(parts.accelerator.num_processes == 1) as interruption:
        for step in range(done.step, last):
            began = time.monotonic()
            losses.append(train_step(parts, step))
            seconds += time.monotonic() - began
            measured = None
            if (step + 1) % spec.evaluate_every == 0 or step + 1 == spec.steps:
                measured = held_out_losses(parts)
                held_out.append({"step": step + 1, "loss": measured})
            probed = prober.probe(step + 1)
            probes.extend(probed)
            n_steps = step + 1 - done.step
            left = (last - step - 1) * seconds / n_steps
            speed = n_steps * tokens_per_step / seconds
            used = machine.utilisation(speed)
            curve = Progress(step + 1, spec.steps, losses[-1], speed, left, measured, probed)
            tell(replace(curve, resumed_at=done.step, utilisation=used))
            due = time.monotonic() - saved_at >= folder.seconds or interruption.asked or step + 1 == last
            if due and parts.accelerator.is_main_process:
                checkpoint.save(folder.path, parts.model, parts.optimizer, progressed(step + 1))
                saved_at = time.monotonic()
            if interruption.asked and step + 1 < last:
                raise KeyboardInterrupt
    return progressed(max(last, done.step))


@contextmanager
def _threads(threads: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
