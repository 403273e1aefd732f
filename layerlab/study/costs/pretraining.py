"""What the pretrainings of a plan cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.study.costs.loads import Load
from layerlab.study.costs.shapes import Shape, shape_of_spec

if TYPE_CHECKING:
    from layerlab.pretraining.spec import PretrainingSpec
    from layerlab.study.plan import Plan


@dataclass(frozen=True)
class PretrainingCost:
    """What pretrainings cost.

    Attributes:
        number: How many there are; encoders that they keep on the way cost nothing.
        tokens: Tokens that they train on.
        flops: Floating-point operations by precision, ``fp32`` or ``bf16``; with the softmax over the
            vocabulary at predicted positions.
    """

    number: int
    tokens: float
    flops: Mapping[str, float]

    def hours(self, throughput: Mapping[str, float]) -> float:
        """Return the GPU-hours at a throughput in FLOP/s for each precision."""
        return sum(flops / throughput[precision] for precision, flops in self.flops.items()) / 3600


def pretraining_cost(plan: Plan) -> PretrainingCost:
    """Return what the pretrainings of a plan cost."""
    shapes: dict[str, Shape] = {}
    tokens, flops = 0.0, {"fp32": 0.0, "bf16": 0.0}
    whole = [one for one in plan.of(Pretraining) if one.step is None]
    for one in whole:
        spec = one.spec
        key = f"{spec.architecture.model_dump_json()} {spec.vocab_size} {spec.grown_from}"
        if key not in shapes:
            shapes[key] = shape_of_spec(spec.name, spec)
        load = tokens_of(spec)
        tokens += load.pieces
        predicted = spec.mask_rate * load.pieces
        softmax = 2 * shapes[key].hidden_size * spec.vocab_size * predicted
        precision = "fp32" if spec.precision == "fp32" else "bf16"
        flops[precision] += 3 * (shapes[key].forward_flops(load) + softmax)
    return PretrainingCost(len(whole), tokens, {name: value for name, value in flops.items() if value})


def tokens_of(spec: PretrainingSpec) -> Load:
    """Return what a pretraining reads: packed sequences without padding."""
    sequences = spec.steps * spec.batch_sequences
    return Load(float(sequences * spec.sequence_length), float(sequences * spec.sequence_length**2))
