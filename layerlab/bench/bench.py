"""The whole benchmark: measure, then write measurements, machine, table and figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from layerlab.bench.curve import draw_curve
from layerlab.bench.figure import draw_ratios
from layerlab.bench.measurement import frame_of
from layerlab.bench.run import Say, measure
from layerlab.bench.settings import BenchSettings, program
from layerlab.bench.table import write_report
from layerlab.bench.workload import Workload
from layerlab.bench.workloads.all import choose
from layerlab.bench.workloads.inputs import call
from layerlab.bench.workloads.scale import points
from layerlab.files import write_text
from layerlab.report.style.saving import save_figure


def run_bench(
    settings: BenchSettings,
    only: Sequence[str] = (),
    *,
    say: Say = print,
    again: bool = False,
    profiled: bool = False,
) -> tuple[list[Path], bool]:
    """Measure and write the results.

    Args:
        settings: What is measured, and where it is written.
        only: Names of workloads; all of them if none is given.
        say: Receives lines of progress.
        again: Measure again what is there already.
        profiled: Take the time of layerlab and of its plain path apart, for each workload with a study.

    Returns:
        The files, and whether every contender was measured in every repeat.

    Raises:
        StudyError: There is no such workload.
        StoreError: The folder has measurements of other settings.
        DataError: A treebank is not there.
    """
    measured = measure(settings, choose(only), say, again=again)
    folder, found = settings.folder, measured.measurements
    files = [folder / "measurements.csv", folder / "machine.json", folder / "benchmark.md"]
    write_text(files[0], frame_of(found).to_csv(index=False))
    write_text(files[2], write_report(measured.workloads, found, measured.machine))
    figure = draw_ratios(measured.workloads, found)
    if figure is not None:
        files += save_figure(figure, folder / "ratios", ("pdf", "png"))
    curve = draw_curve(points(settings), found)
    if curve is not None:
        files += save_figure(curve, folder / "scale", ("pdf", "png"))
    for workload in measured.workloads if profiled else ():
        files += take_apart(workload, folder, say)
    wanted = sum(len(workload.contenders) for workload in measured.workloads) * settings.repeats
    return files, sum(one.good for one in found) == wanted


def take_apart(workload: Workload, folder: Path, say: Say) -> list[Path]:
    """Write where the time of a workload's study, if it has one, goes with fast paths and without."""
    made = []
    for name, shortcuts in (("layerlab", "all"), ("plain", "none")) if workload.study is not None else ():
        say(f"{workload.name}: taking the time of {name} apart ...")
        path = folder / f"profile-{workload.name}-{name}.csv"
        workload.prepare()
        call(program("profile", workload.study, path, shortcuts))
        made.append(path)
    return made
