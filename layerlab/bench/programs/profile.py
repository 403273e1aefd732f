"""Where the time of a study goes: ``python -m layerlab.bench.programs.profile STUDY OUTPUT SHORTCUTS``.

The first ablation and seed of a study are carried out in this process on one thread, from the imports to the
report, twice: once while a sampler notes what the process is at, once under PyTorch's profiler. ``OUTPUT``
gets one row a stage, in seconds of processor time, and one a class of operators, in seconds from start to
end; the ``share`` is that of all stages, or of all operators.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from layerlab.study.plan import Plan

_INTERVAL: Final = 0.005
# What a file or function stands for; the innermost one that is known decides.
STAGES: Final = (
    ("imports", ("importlib",)),
    ("optimiser", ("torch/optim", "training/optimizer")),
    ("clipping", ("clip_grad",)),
    ("backward", ("torch/autograd/graph", "torch/autograd/__init__")),
    ("data", ("tasks/corpora", "tasks/encoding", "layerlab/data", "models/pieces", "training/batching")),
    ("data", ("tasks/tagging",)),
    ("writing", ("training/checkpoint", "finetuning/checkpoint", "layerlab/files", "sentence_counts")),
    ("writing", ("nodes/store", "safetensors")),
    ("loading", ("models/loading", "models/tokenizers", "models/checkpoints", "models/stored")),
    ("loading", ("modeling_utils",)),
    ("evaluation", ("finetuning/evaluation", "tasks/metrics", "kinds/evaluation")),
    ("report", ("layerlab/report", "matplotlib")),
    ("records", ("layerlab/analysis",)),
    ("plan", ("layerlab/study",)),
    ("training forward", ("finetuning/step", "finetuning/loop", "training/step")),
)  # fmt: skip
OPERATORS: Final = (
    ("matmul", ("mm", "linear", "matmul", "bmm")),
    ("attention", ("scaled_dot_product", "softmax", "flash_attention")),
    ("dropout", ("dropout", "bernoulli")),
    ("activation", ("gelu", "relu", "tanh", "silu")),
    ("norm", ("layer_norm",)),
    ("clipping", ("vector_norm", "_foreach_norm")),
    ("optimiser", ("lerp", "addcmul", "addcdiv", "sqrt", "adam", "_foreach")),
    ("embedding", ("embedding", "index", "gather", "scatter")),
    ("copies", ("copy", "cat", "clone", "contiguous", "fill", "zero")),
    ("element-wise", ("add", "mul", "sub", "div", "sum", "neg", "where", "exp", "log")),
)


def class_of(operator: str) -> str:
    """Return the class of an operator.

    >>> class_of("aten::addmm"), class_of("aten::native_layer_norm_backward"), class_of("aten::view")
    ('matmul', 'norm', 'other')
    """
    name = operator.removeprefix("aten::")
    return next((kind for kind, parts in OPERATORS if any(part in name for part in parts)), "other")


def stage_of(files: Iterable[str]) -> str:
    """Return the stage that a stack of files belongs to, the innermost one first.

    >>> stage_of(["torch/nn/modules/linear.py", "layerlab/finetuning/evaluation.py"])
    'evaluation'
    """
    for file in files:
        for stage, parts in STAGES:
            if any(part in file for part in parts):
                return stage
    return "other"


def sorted_of(seconds: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return names with their seconds, the most first.

    >>> sorted_of({"data": 1.0, "forward": 2.0})
    [('forward', 2.0), ('data', 1.0)]
    """
    return sorted(seconds.items(), key=lambda item: -item[1])


class Sampler(threading.Thread):
    """Notes what the main thread is at, and how much processor time passed."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seconds: dict[str, float] = defaultdict(float)
        self.ended = threading.Event()
        self.main = threading.main_thread().ident or 0

    def run(self) -> None:
        """Sample until the end."""
        before = time.process_time()
        while not self.ended.wait(_INTERVAL):
            now = time.process_time()
            self.seconds[stage_of(_files(sys._current_frames().get(self.main)))] += now - before
            before = now


def _files(frame: FrameType | None) -> Iterable[str]:
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back


def profile(study: Path, shortcuts: str) -> list[dict[str, Any]]:
    """Return rows with ``what`` (stage or operators), ``name`` and ``seconds``."""
    sampler = Sampler()
    sampler.start()
    plan = _small_plan(study)
    with tempfile.TemporaryDirectory() as folder:
        _carry_out(plan, Path(folder) / "results", shortcuts, report=True)
    sampler.ended.set()
    sampler.join()
    rows: list[dict[str, Any]] = [
        {"what": "stage", "name": name, "seconds": seconds} for name, seconds in sorted_of(sampler.seconds)
    ]
    return rows + _operators(plan, shortcuts)


def _small_plan(study: Path) -> Plan:
    from layerlab.study.study import Study

    plan = Study.from_yaml(study).plan()
    first = next(item for item in plan.nodes if item.scored)
    return plan.select(ablation=first.columns["ablation"], seed=first.columns["seed"])


def _carry_out(plan: Plan, folder: Path, shortcuts: str, *, report: bool) -> None:
    import torch

    from layerlab.report.page.study_report import report_on
    from layerlab.study.runner import run_plan

    torch.set_num_threads(1)
    run_plan(plan, folder, workers=0, device="cpu", progress=False, shortcuts=shortcuts)
    if report:
        report_on(folder, folder)


def _operators(plan: Plan, shortcuts: str) -> list[dict[str, Any]]:
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as watch

    with tempfile.TemporaryDirectory() as folder, watch(activities=[ProfilerActivity.CPU]) as watched:
        _carry_out(plan, Path(folder) / "results", shortcuts, report=False)
    seconds: dict[str, float] = defaultdict(float)
    for event in watched.key_averages():
        if event.key.startswith("aten::"):
            seconds[class_of(event.key)] += event.self_cpu_time_total / 1e6
    return [{"what": "operators", "name": name, "seconds": value} for name, value in sorted_of(seconds)]


def main(arguments: Sequence[str]) -> None:
    """Write the profile of a study as CSV."""
    study, output, shortcuts = arguments
    rows = profile(Path(study), shortcuts)
    import pandas as pd

    frame = pd.DataFrame(rows)
    frame["share"] = frame["seconds"] / frame.groupby("what")["seconds"].transform("sum")
    frame.round(3).to_csv(output, index=False)


if __name__ == "__main__":
    main(sys.argv[1:])
