"""The demonstration: first align, then predict, on an encoder that comes with layerlab.

It takes less than five minutes on two cores and no download. Its findings illustrate the method: the
languages are invented and the encoder is very small, so they are no evidence about natural languages.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from layerlab.demo.settings import FULL, QUICK, DemoSettings
from layerlab.errors import StoreError
from layerlab.files import write_text
from layerlab.study.progress import format_seconds

if TYPE_CHECKING:
    import pandas as pd

_CAVEAT = (
    "With so few seeds a few points can be chance, in NER above all. The languages are invented and the "
    "encoder is very small: this illustrates the method and is no evidence about natural languages."
)


def run_demo(folder: Path, *, workers: int | None = None, quick: bool = False) -> None:
    """Write corpora, measure an encoder's alignment, run a RANDOM-INIT study on it and print the results.

    Parts that are complete in ``folder`` are skipped, and an interrupted part continues where it stopped.

    Args:
        folder: Gets ``data/``, ``alignment/`` and ``results/``.
        workers: Fine-tunings at a time; None: one for each core; 0: in this process.
        quick: Everything very small: it only shows, in less than a minute, that all parts work.

    Raises:
        StoreError: The folder has a demonstration with other settings, or a fine-tuning failed.
    """
    folder = Path(folder)
    settings = QUICK if quick else FULL
    say = _speaker()
    _check_folder(folder, settings)
    say(f"Layer ablation, demonstrated in {folder}. {settings.about}")
    _write_corpora(folder / "data", settings, say)
    curves = _measure(folder, settings, say)
    _run_study(folder, settings, workers, say)
    _report(folder / "results", curves, say)


def _speaker() -> Callable[[str], None]:
    """Return a printer that puts the elapsed time before each line."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{format_seconds(time.monotonic() - started)}] {text}", flush=True)

    return say


def _check_folder(folder: Path, settings: DemoSettings) -> None:
    """Refuse a folder with the results of other settings."""
    file, text = folder / "demo.json", json.dumps(asdict(settings), indent=1)
    if file.is_file() and file.read_text(encoding="utf-8") != text:
        raise StoreError(
            f"{folder} has a demonstration with other settings ({file}); choose another directory"
        )
    write_text(file, text)


def _write_corpora(folder: Path, settings: DemoSettings, say: Callable[[str], None]) -> None:
    from layerlab.languages.corpora.treebanks import write_corpora
    from layerlab.languages.family import shipped_family

    done = folder / "complete"
    what = f"corpora of {len(settings.languages)} invented languages ({', '.join(settings.languages)})"
    if done.is_file():
        say(f"1/4 {what}: there already.")
        return
    sizes = ", ".join(f"{size:,} {split}" for split, size in settings.sizes.items())
    say(f"1/4 Writing {what}: {sizes} sentences each, tagged and parsed ...")
    began = time.monotonic()
    write_corpora(folder, settings.languages, settings.sizes, seed=1, family=shipped_family(settings.family))
    done.touch()
    took = format_seconds(time.monotonic() - began)
    say(f"    written in {took}; dev and test sets are translations of each other.")


def _measure(folder: Path, settings: DemoSettings, say: Callable[[str], None]) -> list[Path]:
    """Measure and draw how similar the languages are in the pretrained encoder, layer by layer."""
    from layerlab.analysis.records.tidy import load_records, write_records
    from layerlab.data.formats.bitext_files import read_bitexts
    from layerlab.measures.bitext_alignment import measure_alignment
    from layerlab.nodes.process import quieten_transformers
    from layerlab.report.figures.gallery import draw_all

    table = folder / "alignment" / "alignment.csv"
    what = f"{settings.encoder}: alignment of its languages, layer by layer (CKA and sentence retrieval)"
    if table.is_file():
        say(f"2/4 {what}: measured already.")
        frame = load_records(table)
    else:
        say(f"2/4 Measuring {what} ...")
        quieten_transformers()
        source, *targets = settings.languages
        bitexts = read_bitexts(folder / "data", targets, source, sentences=settings.measured)
        frame = measure_alignment(settings.encoder, bitexts)
        draw_all(frame, table.parent, figures=["alignment"])
        write_records(frame, table)
    mean = frame[frame["metric"] == "cka"].groupby("layer")["value"].mean().to_numpy()
    best = int(mean.argmax())
    say(
        f"    CKA of {settings.languages[0]} with the others: {mean[0]:.2f} in the embeddings, "
        f"{mean[best]:.2f} after {best} layers, {mean[-1]:.2f} at the top."
    )
    return sorted(table.parent.glob("*.pdf"))


def _run_study(folder: Path, settings: DemoSettings, workers: int | None, say: Callable[[str], None]) -> None:
    plan = settings.study(folder).plan()
    source, *targets = settings.languages
    seeds = ", ".join(map(str, settings.seeds))
    window = "layer pair" if settings.windows == 2 else f"{settings.windows} layers"
    say(
        f"3/4 Fine-tuning on {source} with and without fresh weights in each {window} (RANDOM-INIT), and "
        f"evaluating on {source} and, zero-shot, on {', '.join(targets)}:"
    )
    say(f"    {len(plan.runs)} fine-tunings: {', '.join(settings.tasks)}; seeds {seeds} ...")
    outcome = plan.run(folder / "results", workers=workers, device="cpu")
    if not outcome.good:
        failures = "; ".join(
            f"{failure['title']}: {failure['message']}" for failure in outcome.status.failures
        )
        raise StoreError(f"the study is not complete ({outcome.status.summary()}): {failures}")
    say(f"    {outcome.n_new} new results in {format_seconds(outcome.seconds)}: {folder / 'results'}")


def _report(results: Path, curves: list[Path], say: Callable[[str], None]) -> None:
    from layerlab.analysis.records.tidy import load_records
    from layerlab.report.page.plates import FULL_FOLDER
    from layerlab.report.page.study_report import report_on
    from layerlab.report.tables.formats.text import render_table

    frame, paths = load_records(results), report_on(results, results)
    say("4/4 The table: scores without ablation (REF), and what fresh weights in some layers change.")
    print(f"\n{render_table(frame)}")
    for line in findings(frame):
        print(line)
    print(f"{_CAVEAT}\n\nTables and figures:")
    for path in [*paths, *curves]:
        if path.parent.name != FULL_FOLDER:
            print(f"  {path}")


def findings(frame: pd.DataFrame) -> list[str]:
    """Return a sentence for each task: what fresh weights change in the source and in the targets."""
    from layerlab.analysis.effects.sensitivity import MEAN, sensitivity

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
