"""Measuring: contenders in turn, repeat after repeat; what is measured is kept and not measured again."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from layerlab.bench.corpora import check_treebanks, fresh
from layerlab.bench.machine import cores, describe_machine, load
from layerlab.bench.measurement import Measurement, file_of, keep, read_measurement
from layerlab.bench.process import run_timed
from layerlab.bench.settings import BenchSettings, program
from layerlab.bench.workload import Contender, Outcome, Workload
from layerlab.bench.workloads.all import WORKLOADS
from layerlab.bench.workloads.inputs import call
from layerlab.errors import LayerlabError, StoreError
from layerlab.files import read_json, write_json
from layerlab.nodes.environment import git_commit
from layerlab.study.progress import format_seconds

_THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """What a call of the benchmark left.

    Attributes:
        workloads: In their order.
        measurements: Of all repeats, also of earlier calls.
        machine: What they were made on.
    """

    workloads: tuple[Workload, ...]
    measurements: tuple[Measurement, ...]
    machine: Mapping[str, Any]


def measure(settings: BenchSettings, names: Sequence[str], say: Say, *, again: bool = False) -> Measured:
    """Measure every contender of some workloads and keep what was found.

    Args:
        settings: What is measured, and where it is kept.
        names: Workloads.
        say: Receives lines of progress.
        again: Measure again what is there.

    Raises:
        StoreError: The folder has measurements of other settings.
        DataError: A treebank is not there.
    """
    if settings.data is not None:
        check_treebanks(settings.data)
    _claim(settings, again)
    machine = describe_machine()
    write_json(settings.folder / "machine.json", machine)
    workloads = tuple(WORKLOADS[name](settings) for name in names)
    _Session(settings, say, again).run(workloads)
    found = [
        read_measurement(file_of(settings.folder, workload.name, contender.name, repeat))
        for workload in workloads
        for contender in workload.contenders
        for repeat in range(1, settings.repeats + 1)
    ]
    return Measured(workloads, tuple(one for one in found if one is not None), machine)


def _claim(settings: BenchSettings, again: bool) -> None:
    """Refuse a folder with measurements of other settings."""
    file = settings.folder / "settings.json"
    wanted = settings.identity()
    if file.is_file() and (there := read_json(file, StoreError)) != wanted and not again:
        differ = ", ".join(key for key in wanted if there.get(key) != wanted[key])
        raise StoreError(
            f"{settings.folder} has measurements of other settings ({differ}); choose another directory, or "
            "measure everything again with --fresh"
        )
    if again:
        shutil.rmtree(settings.folder / "measurements", ignore_errors=True)
        shutil.rmtree(settings.work, ignore_errors=True)
    write_json(file, wanted)


@dataclass
class _Session:
    """One call: what is left to measure, and how long it takes."""

    settings: BenchSettings
    say: Say
    again: bool
    expected: float = 0.0
    spent: float = 0.0
    spent_of: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def run(self, workloads: Sequence[Workload]) -> None:
        left = {workload.name: self._left(workload) for workload in workloads}
        self.expected = sum(one.seconds for turns in left.values() for _, one in turns)
        for workload in workloads:
            if not left[workload.name]:
                self._line(f"{workload.name}: measured already")
                continue
            self._line(f"{workload.name}: {workload.title}; {workload.about}")
            try:
                workload.prepare()
                flops = float(call(workload.flops)) if workload.flops is not None else None
            except (LayerlabError, OSError, ValueError) as error:
                self._line(f"{workload.name}: cannot be measured: {error}")
                continue
            rate: dict[str, Any] = {}
            turn = 0
            for repeat, contender in left[workload.name]:
                if repeat != turn:
                    turn, rate = repeat, self._rate()
                self._measure(workload, contender, repeat, rate, flops)

    def _left(self, workload: Workload) -> list[tuple[int, Contender]]:
        """Return what is not measured yet, in turns: forwards, then backwards, so that drift cancels."""
        turns = []
        for repeat in range(1, self.settings.repeats + 1):
            for contender in workload.contenders if repeat % 2 else reversed(workload.contenders):
                path = file_of(self.settings.folder, workload.name, contender.name, repeat)
                there = read_measurement(path)
                if there is None or not there.good:
                    turns.append((repeat, contender))
        return turns

    def _rate(self) -> dict[str, Any]:
        """Return the rate of matrix products now, with as many threads as there are cores for work."""
        threads = (self.settings.threads or 1) * (self.settings.workers or 1)
        given = self.settings.threads is not None or self.settings.workers is not None
        found: dict[str, Any] = json.loads(call(program("rate", min(threads, cores()) if given else cores())))
        return found

    def _measure(
        self,
        workload: Workload,
        contender: Contender,
        repeat: int,
        rate: Mapping[str, Any],
        flops: float | None,
    ) -> None:
        where = f"{workload.name} {contender.name}, repeat {repeat} of {self.settings.repeats}"
        self._line(f"{where} ...")
        folder = fresh(self.settings.work / workload.name / "running" / f"{contender.name}-{repeat}")
        log, started = folder.with_suffix(".log"), time.strftime("%Y-%m-%dT%H:%M:%S")
        before = load()
        try:
            contender.prepare(folder)
            used = run_timed(contender.command(folder), log, self._environment())
            outcome, message = Outcome(), _last_line(log) if used.code else ""
            if not used.code:
                outcome = contender.read(folder)
        except (LayerlabError, OSError, ValueError, KeyError) as error:
            self._line(f"{where}: cannot be measured: {error}")
            return
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        one = Measurement(
            workload=workload.name,
            contender=contender.name,
            repeat=repeat,
            good=used.code == 0,
            message=message and f"status {used.code}: {message}",
            wall_seconds=round(used.wall, 3),
            cpu_seconds=round(used.cpu, 3),
            largest_bytes=used.largest,
            together_bytes=used.together,
            steps=outcome.steps,
            score=outcome.score,
            tokens_per_second=outcome.tokens,
            needed_flops=outcome.flops or flops,
            rate_flops=rate.get("rate"),
            threads=rate.get("threads"),
            load=before,
            started=started,
            commit=git_commit(),
        )
        keep(self.settings.folder, one)
        self.spent += used.wall
        self.spent_of += contender.seconds
        words = f"{used.wall:.1f} s, {used.cpu:.1f} s of CPU, {used.largest / 1e6:,.0f} MB"
        self._line(f"{where}: {words if one.good else f'failed: {one.message}; see {log}'}")

    def _environment(self) -> dict[str, str]:
        threads = self.settings.threads
        return {**os.environ, **({} if threads is None else dict.fromkeys(_THREADS, str(threads)))}

    def _line(self, text: str) -> None:
        elapsed = format_seconds(time.monotonic() - self.began)
        pace = self.spent / self.spent_of if self.spent_of else 1.0
        left = format_seconds(max(0.0, self.expected - self.spent_of) * pace)
        self.say(f"[{elapsed}, about {left} left] {text}")


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it printed nothing"
