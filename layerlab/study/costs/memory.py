"""How much memory the worker of a node needs, so that a cluster carries it out where there is as much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from layerlab.errors import LayerlabError
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.nodes.node import Node
from layerlab.pretraining.spec import PretrainingSpec
from layerlab.study.costs.shapes import STORED, TRAINED, Shape, shape_of_fit, shape_of_spec
from layerlab.study.plan import Plan

#: Bytes of a worker beside weights and activations: Python, PyTorch, encoded corpora.
BESIDE: Final = 1 << 30
# Word-pieces of the sentences of a batch, padded; longer batches are rare.
_LENGTH: Final = 64


def estimate_memory(plan: Plan) -> dict[str, int]:
    """Return the bytes of memory that each node's worker needs on a CPU, estimated, by the node's id.

    A fit holds its weights, their gradients, Adam's moments and the activations of a batch; what evaluates
    a fit holds its weights twice. Of encoders whose sizes are not found, nothing is counted.

    Args:
        plan: A selection, or a whole plan.
    """
    specs = {first.id: first.spec for first in plan.of(Pretraining)}
    shapes: dict[str, Shape | None] = {}
    weights: dict[str, int] = {}
    needed: dict[str, int] = {}
    for item in plan.nodes:
        if isinstance(item, Fit):
            if item.model not in shapes:
                shapes[item.model] = _shape_of(item, specs)
            shape = shapes[item.model]
            weights[item.id] = STORED * shape.parameters if shape else 0
            needed[item.id] = BESIDE + (_training(shape, *_batch(item)) if shape else 0)
        elif isinstance(item, Pretraining):
            spec = item.spec
            n_sequences = -(-spec.batch_sequences // spec.accumulate)
            shape = shape_of_spec(spec.name, spec)
            needed[item.id] = BESIDE + _training(shape, n_sequences, spec.sequence_length)
        else:
            needed[item.id] = BESIDE + 2 * _largest(item, weights)
    return needed


def _shape_of(fit: Fit, specs: Mapping[str, PretrainingSpec]) -> Shape | None:
    try:
        return shape_of_fit(fit, specs)
    except (LayerlabError, OSError):
        return None


def _batch(fit: Fit) -> tuple[int, int]:
    training = fit.training
    return -(-training.batch_size // training.accumulate), min(training.max_length, _LENGTH)


def _largest(item: Node, weights: Mapping[str, int]) -> int:
    return max((weights.get(need, 0) for need in item.needs), default=0)


def _training(shape: Shape, n_sequences: int, length: int) -> int:
    """Return the bytes of weights, gradients, moments and activations.

    Activations are 34 bytes for each piece, unit of width and layer, and those of attention, 5 for each pair
    of pieces and head; all of it twice, as what is counted there is in 16 bits. Heads are 64 wide.

    Reference: Korthikanti et al. (2022), Reducing Activation Recomputation, arXiv:2205.05198, equation 2.
    """
    each = 34 + 5 * length / 64
    activations = 2 * each * n_sequences * length * shape.hidden_size * shape.n_layers
    return TRAINED * shape.parameters + int(activations)
