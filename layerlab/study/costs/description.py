"""What a plan costs, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from layerlab.study.costs.cost import Cost
from layerlab.study.costs.pretraining import PretrainingCost
from layerlab.study.costs.shapes import Shape

# Effective FLOP/s of one GPU that short sentences leave, and in words what part of which peak it is.
THROUGHPUT: Final[Mapping[str, tuple[float, str]]] = MappingProxyType(
    {
        "fp32": (10e12, "half of an A100's fp32 peak"),
        "bf16": (80e12, "a quarter of an A100's bf16 peak"),
    }
)


def describe_cost(cost: Cost, flops: float | None = None, precision: str = "fp32") -> list[str]:
    """Return a cost in lines, with what it assumes.

    Args:
        cost: What to describe.
        flops: Effective FLOP/s of one GPU; by the precision if None.
        precision: Of the fine-tuning.
    """
    assumed = "as given"
    if flops is None:
        flops, assumed = THROUGHPUT[precision]
    how = "measured" if cost.is_measured else "assumed"
    seen = f" ({cost.trajectory_flops:.2e} of it for trajectories)" if cost.trajectory_flops else ""
    return [
        f"cost       {_hours(cost.hours(flops))} at {flops / 1e12:,.4g} effective TFLOP/s ({assumed})",
        f"           fine-tuning {cost.training_flops:.2e} FLOP, evaluation {cost.evaluation_flops:.2e}"
        f"{seen}; padding and heads not counted",
        *(f"           as {_describe_shape(shape)}" for shape in cost.shapes),
        f"           {cost.training.pieces:,.0f} word-pieces trained on, {cost.evaluation.pieces:,.0f} "
        f"evaluated; {cost.pieces_per_word:.2f} a word ({how})",
        f"           memory in training {_size(cost.memory)} and activations",
        f"disk       weights that are kept: {', '.join(_describe_disk(cost))}; while the study runs up to "
        f"{_size(cost.fit_bytes)} a worker more",
    ]


def describe_pretraining(cost: PretrainingCost, flops: float | None = None) -> list[str]:
    """Return what pretrainings cost in a line; none if there are none.

    Args:
        cost: Of the pretrainings of a plan.
        flops: Effective FLOP/s of one GPU; by their precision if None.
    """
    if not cost.number:
        return []
    throughput = {name: flops or known for name, (known, _) in THROUGHPUT.items()}
    total = sum(cost.flops.values())
    what = f"{cost.number} pretraining{'s' if cost.number > 1 else ''}"
    rates = (f"{throughput[name] / 1e12:,.4g} effective TFLOP/s ({name})" for name in cost.flops)
    hours = _hours(cost.hours(throughput))
    return [
        f"pretrain   {what}: {cost.tokens:,.0f} tokens, {total:.2e} FLOP, {hours} at {' and '.join(rates)}"
    ]


def _describe_shape(shape: Shape) -> str:
    return (
        f"{shape.name}: {shape.n_layers} layers of width {shape.hidden_size}, "
        f"{shape.layer_parameters / 1e6:,.1f}M parameters in them, {shape.parameters / 1e6:,.1f}M in all"
    )


def _describe_disk(cost: Cost) -> Iterator[str]:
    """Yield what each choice of ``keep`` takes."""
    for keep, n_bytes in cost.disk.items():
        yield f"{_size(n_bytes) if n_bytes else 'none'} with keep: {keep}"


def _hours(hours: float) -> str:
    if hours < 0.01:
        return f"{hours * 3600:.2g} GPU-seconds"
    return f"{hours:.2g} GPU-hours" if hours < 10 else f"{hours:,.0f} GPU-hours"


def _size(n_bytes: int) -> str:
    size = float(n_bytes)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} GB"
