"""Masked-LM pretraining from a spec to a plain Hugging Face folder."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from layerlab.data.bitext import Bitext
from layerlab.disk import writing
from layerlab.pretraining import checkpoint
from layerlab.pretraining.checkpoint import STATE, Position
from layerlab.pretraining.head import head_of
from layerlab.pretraining.kept import hand_over, keep_encoder
from layerlab.pretraining.material import Material, prepare
from layerlab.pretraining.model import build_model, build_views, check_architecture
from layerlab.pretraining.probes import means_by_layer, probe_rows, read_probes
from layerlab.pretraining.result import write_result
from layerlab.pretraining.spec import PretrainingSpec
from layerlab.pretraining.steps import Parts, Speakers, held_out_losses, make_stepper, train_step
from layerlab.pretraining.text.batches import Order, shares
from layerlab.training.checkpoint import Saving
from layerlab.training.devices import make_accelerator
from layerlab.training.events import Report, silent
from layerlab.training.interruption import deferred_interrupt
from layerlab.training.throughput import measure_machine


def pretrain(
    spec: PretrainingSpec,
    folder: str | Path,
    *,
    checkpoint_seconds: float = 60,
    report: Report = silent,
    threads: int | None = None,
    stop_after: int | None = None,
    device: str = "auto",
    into: str | Path | None = None,
) -> Path:
    """Pretrain an encoder, or go on where a killed pretraining of the same spec stopped.

    On one CPU thread the resumed losses are bit for bit those of an undisturbed pretraining: a step's
    sequences, masks and dropout come from the seed and the step alone. Ctrl-C takes effect between two steps
    and leaves a checkpoint. Under ``torchrun`` or ``accelerate launch`` the processes share each step.

    Events are ``preparing`` (with ``message``), ``step``, ``held-out`` and ``probe``; the last three have
    ``step``, ``steps`` and ``from``, the steps done before this start. A ``step`` has ``loss`` (nats per
    predicted token), ``tokens_per_second``, ``seconds_left`` and ``utilisation`` (fraction of the machine's
    rate of matrix products); ``held-out`` has ``loss`` by language; ``probe`` has ``means``, by measure and
    layer over the pairs of languages.

    Args:
        spec: What to pretrain.
        folder: Where the model goes; ``state/`` in it keeps what resuming needs.
        checkpoint_seconds: Least time between two checkpoints, in seconds.
        report: Receives events.
        threads: CPU threads; None leaves PyTorch's number.
        stop_after: Write the model after this many steps of the schedule instead of all; the next start
            goes on from there.
        device: ``auto`` for the best device there is, or ``cpu``.
        into: Where the encoder goes, if not into ``folder``, which other processes may then have gone on in
            while this one was stopped.

    Returns:
        The encoder's folder, with ``config.json``, ``model.safetensors``, the tokenizer, ``README.md``,
        ``training.json`` and its picture ``training.pdf`` and ``.png``.

    Raises:
        DataError: A corpus that is missing, unreadable or too small.
        CheckpointError: ``folder`` holds a pretraining of another spec, or another process is at it.
        ArchitectureError: Not a masked-LM architecture, or options that it does not have.
        KeyboardInterrupt: Somebody stopped it; a checkpoint is written.
    """
    folder = Path(folder)
    check_architecture(spec)
    last = spec.steps if stop_after is None else min(spec.steps, stop_after)
    accelerator = make_accelerator(device)
    if not accelerator.is_main_process:
        report = silent
    is_owner = into is None and accelerator.is_main_process
    mine = checkpoint.alone(folder) if is_owner else nullcontext()
    made = folder if into is None else Path(into)
    with mine, writing(folder), _threads(threads), torch.random.fork_rng(devices=[]):
        with accelerator.main_process_first():
            material = prepare(spec, folder, report)
        sequences = {language: packed.train for language, packed in material.packed.items()}
        sizes = {key: len(rows) for key, rows in sequences.items()}
        drawn = shares(sizes, spec.sampling_exponent, spec.fixed_shares(), spec.ratio)
        order = Order(sequences, drawn, spec.batch_sequences, spec.steps, spec.seed)
        parts = _make_parts(spec, material, order, accelerator)
        run = _Run(parts, folder, Saving(checkpoint_seconds), report)
        run.train(last)
        if accelerator.is_main_process:
            write_result(made, folder / STATE, parts, run.position, run.machine)
            hand_over(folder, made)
        accelerator.wait_for_everyone()
    return made


def _make_parts(spec: PretrainingSpec, material: Material, order: Order, accelerator: Accelerator) -> Parts:
    n_pieces = len(material.tokenizer)
    views = build_views(spec, n_pieces)
    if views is None:
        model = build_model(spec, n_pieces).to(accelerator.device)
        return Parts(spec, material, order, model, head_of(model), accelerator)
    torch.nn.ModuleList(views.models.values()).to(accelerator.device)
    speakers = Speakers.of(views, material)
    return Parts(spec, material, order, views.first, head_of(views.first), accelerator, speakers)


@dataclass
class _Run:
    """The state of one running pretraining."""

    parts: Parts
    folder: Path
    saving: Saving
    report: Report
    position: Position = field(default_factory=Position)
    resumed_at: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        parts, spec = self.parts, self.parts.spec
        # Faults of the probes' files and of the model come before the first step.
        self.bitexts: Sequence[Bitext] = ()
        if spec.probes is not None:
            self.encoder = parts.encoder
            self.bitexts = read_probes(spec.probes)
        self.stepper = make_stepper(parts)
        self.position = checkpoint.load(self.folder, parts.trained, self.stepper.optimizer)
        self.resumed_at = self.position.step
        self.tokens_per_step = spec.batch_sequences * spec.sequence_length
        self.machine = measure_machine(
            parts.model,
            self.tokens_per_step // self.stepper.n_parts,
            spec.sequence_length,
            spec.mask_rate,
            spec.precision,
            parts.accelerator,
        )
        self.position.probes = self.position.probes or self._probe()

    def train(self, last: int) -> None:
        """Take the steps up to ``last``, unless somebody interrupts."""
        parts = self.parts
        with deferred_interrupt(parts.accelerator.num_processes == 1) as interruption:
            for step in range(self.resumed_at, last):
                self._take(step, last)
                due = self.saving.due(now=interruption.asked or step + 1 == last)
                if due and parts.accelerator.is_main_process:
                    with self.saving.writing():
                        checkpoint.save(self.folder, parts.trained, self.stepper.optimizer, self.position)
                if interruption.asked and step + 1 < last:
                    raise KeyboardInterrupt

    def _take(self, step: int, last: int) -> None:
        """Take one step, then measure what is due after it."""
        spec, position, began = self.parts.spec, self.position, time.monotonic()
        loss = train_step(self.stepper, self.parts, step)
        took = time.monotonic() - began
        self.seconds += took
        position.seconds += took
        position.step = step + 1
        position.losses.append(loss)
        n_steps = position.step - self.resumed_at
        speed = n_steps * self.tokens_per_step / self.seconds
        left = (last - position.step) * self.seconds / n_steps
        used = self.machine.utilisation(speed)
        self._report("step", loss=loss, tokens_per_second=speed, seconds_left=left, utilisation=used)
        if position.step % spec.evaluate_every == 0 or position.step == spec.steps:
            losses = held_out_losses(self.parts)
            position.held_out.append({"step": position.step, "loss": losses})
            self._report("held-out", loss=losses)
        if position.step in spec.keep_at and self.parts.accelerator.is_main_process:
            keep_encoder(self.folder, self.folder / STATE, self.parts, position.step)
        if probed := self._probe():
            position.probes.extend(probed)
            self._report("probe", means=means_by_layer(probed))

    def _probe(self) -> list[dict[str, Any]]:
        """Return what probes measure of the model as it is, if they are due."""
        spec, step = self.parts.spec, self.position.step
        if spec.probes is None or (step % spec.probes.every and step != spec.steps):
            return []
        return probe_rows(self.encoder, self.parts.material.tokenizers, self.bitexts, step)

    def _report(self, kind: str, **details: Any) -> None:
        steps = {"step": self.position.step, "steps": self.parts.spec.steps, "from": self.resumed_at}
        self.report({"event": kind, **steps, **details})


@contextmanager
def _threads(threads: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
