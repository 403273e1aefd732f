"""The demonstration: invented languages, an encoder made on the spot, and a RANDOM-INIT study of it.

It takes about five minutes on two cores and needs nothing from outside. What it finds illustrates the method;
its languages are invented and its encoder is very small, so it is no evidence about natural languages.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from layerlab.demo_settings import FULL, QUICK, DemoSettings
from layerlab.errors import StoreError
from layerlab.study.progress import format_seconds

if TYPE_CHECKING:
    import pandas as pd

    from layerlab.pretraining.mlm import Progress

_STATUS_SECONDS = 15.0

_CAVEAT = (
    "With so few seeds a few points can be chance, in NER above all. The languages are invented and the "
    "encoder is very small: this illustrates the method and is no evidence about natural languages."
)


def run_demo(folder: Path, *, workers: int | None = None, quick: bool = False) -> None:
    """Write corpora, pretrain a small encoder, run a RANDOM-INIT study on it and print what came out.

    Every part that is complete in ``folder`` is skipped, and an interrupted one goes on where it stopped.

    Args:
        folder: Gets ``data/``, ``encoder/`` and ``results/``.
        workers: Fine-tunings at a time; None for one a core, 0 for this process.
        quick: Everything very small: shows in less than a minute that all parts work, and nothing else.

    Raises:
        StoreError: The folder holds a demonstration with other settings, or a fine-tuning failed.
    """
    folder = Path(folder)
    settings = QUICK if quick else FULL
    say = _speaker()
    _check_folder(folder, settings)
    say(f"Layer ablation, demonstrated in {folder}. {settings.about}")
    _write_corpora(folder / "data", settings, say)
    _pretrain(folder, settings, say)
    _run_study(folder, settings, workers, say)
    _report(folder / "results", say)


def _speaker() -> Callable[[str], None]:
    """Return a printer that puts the time since now before each line."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{format_seconds(time.monotonic() - started)}] {text}", flush=True)

    return say


def _check_folder(folder: Path, settings: DemoSettings) -> None:
    """Keep what other settings left from being taken for these settings' results."""
    file, text = folder / "demo.json", json.dumps(settings.to_dict(), indent=1)
    if file.is_file() and file.read_text(encoding="utf-8") != text:
        raise StoreError(
            f"{folder} holds a demonstration with other settings ({file}); choose another directory"
        )
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _write_corpora(folder: Path, settings: DemoSettings, say: Callable[[str], None]) -> None:
    from layerlab.languages.corpora import write_corpora

    done = folder / "complete"
    what = f"corpora of {len(settings.languages)} invented languages ({', '.join(settings.languages)})"
    if done.is_file():
        say(f"1/4 {what}: there already.")
        return
    say(f"1/4 Writing {what}: tagged sentences, and {settings.text_sentences:,} sentences of text each ...")
    began = time.monotonic()
    write_corpora(
        folder, settings.languages, settings.sizes, settings.text_sentences, family=settings.family()
    )
    done.touch()
    took = format_seconds(time.monotonic() - began)
    say(f"    written in {took}; the text is not parallel, the test sets are translations of each other.")


def _pretrain(folder: Path, settings: DemoSettings, say: Callable[[str], None]) -> None:
    from layerlab.pretraining.mlm import pretrain
    from layerlab.study.work import quieten_transformers

    quieten_transformers()
    encoder = folder / "encoder"
    shape = f"a ModernBERT of {settings.n_layers} layers of width {settings.width}"
    if _steps_done(encoder) == settings.steps:
        say(f"2/4 {shape}: pretrained already.")
        return
    say(f"2/4 Pretraining {shape} by masked language modelling, {settings.steps:,} steps ...")
    began = time.monotonic()
    pretrain(
        settings.pretraining(folder / "data"),
        encoder,
        checkpoint_seconds=20,
        progress=_StatusLines(say),
        # One thread gives the same encoder every time on a machine; so small a model gains little from a
        # second one, and beside other work two threads would only wait for each other.
        threads=1,
    )
    say(f"    pretrained in {format_seconds(time.monotonic() - began)}: {encoder}")


class _StatusLines:
    """Tells every so often how far pretraining is."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._told = time.monotonic()
        self._losses: list[float] = []

    def __call__(self, told: Progress) -> None:
        """Take in a step; print a line if it is time to."""
        if told.message:
            return
        self._losses.append(told.loss)
        now = time.monotonic()
        if now - self._told >= _STATUS_SECONDS or told.step == told.steps:
            loss = sum(self._losses) / len(self._losses)
            left = format_seconds(told.seconds_left)
            self._say(f"    step {told.step:,} of {told.steps:,}, loss {loss:.2f}, about {left} left")
            self._told, self._losses = now, []


def _steps_done(encoder: Path) -> int:
    """Return how many steps a written encoder has seen; 0 if none is written."""
    file = encoder / "training.json"
    if not file.is_file():
        return 0
    steps: int = json.loads(file.read_text(encoding="utf-8"))["steps_done"]
    return steps


def _run_study(folder: Path, settings: DemoSettings, workers: int | None, say: Callable[[str], None]) -> None:
    plan = settings.study(folder).plan()
    source, *targets = settings.languages
    say(
        f"3/4 Fine-tuning on {source} with and without fresh weights in each layer pair (RANDOM-INIT), and "
        f"evaluating on {source} and, zero-shot, on {', '.join(targets)}:"
    )
    say(
        f"    {len(plan.runs)} fine-tunings: {', '.join(settings.tasks)}; seeds {_listed(settings.seeds)} ..."
    )
    outcome = plan.run(folder / "results", workers=workers, device="cpu")
    if not outcome.good:
        failures = "; ".join(
            f"{failure['title']}: {failure['message']}" for failure in outcome.status.failures
        )
        raise StoreError(f"the study is not complete ({outcome.status.summary()}): {failures}")
    say(f"    {outcome.n_new} new results in {format_seconds(outcome.seconds)}: {folder / 'results'}")


def _listed(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds))


def _report(results: Path, say: Callable[[str], None]) -> None:
    from layerlab.analysis.records import load_records
    from layerlab.report.writing import render_table, write_report

    frame = load_records(results)
    paths = write_report(frame, results)
    say("4/4 The table: scores without ablation (REF), and what fresh weights in each layer pair change.")
    print(f"\n{render_table(frame)}")
    for line in findings(frame):
        print(line)
    print(f"{_CAVEAT}\n\nTables and figures:")
    for path in paths:
        if path.suffix != ".png":
            print(f"  {path}")


def findings(frame: pd.DataFrame) -> list[str]:
    """Say for each task what fresh weights in each layer pair change in the source and in the targets.

    Args:
        frame: Tidy records of the study.
    """
    from layerlab.analysis.sensitivity import MEAN, sensitivity

    effect = sensitivity(frame)
    lines = []
    for task in effect["task"].unique():
        part = effect[effect["task"] == task]
        source = part[part["quantity"] == "source_drop"]
        mean = part[(part["quantity"] == "zero_shot_drop") & (part["target"] == MEAN)]
        changes = [
            f"fresh layers {own['layers']} change the source by {_points(-own['effect']):+.1f} and the "
            f"targets by {_points(-mean[mean['layers'] == own['layers']].iloc[0]['effect']):+.1f} points"
            for _, own in source.iterrows()
        ]
        lines.append(
            f"{task}: {_points(source.iloc[0]['reference']):.1f} in the source and "
            f"{_points(mean.iloc[0]['reference']):.1f} in the mean of the zero-shot targets; "
            f"{'; '.join(changes)}."
        )
    return lines


def _points(fraction: float) -> float:
    """Return points; rounded, so that a tiny loss is no ``-0.0``."""
    return round(100 * float(fraction), 1) + 0.0
