"""How much of the machine a training uses: its arithmetic against measured matrix products."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from layerlab.training.devices import uses_bf16

_SECONDS = 0.1
_SQUARE = {"cpu": 1024, "cuda": 4096}


@dataclass(frozen=True)
class Machine:
    """What the machine can do, all processes together, and what training asks of it.

    Attributes:
        square: Operations a second in products of large square matrices: what the machine can do.
        own: Operations a second in the model's own products, each of its matrices by a step's tokens.
        flops_per_token: Operations that training on a token takes.
    """

    square: float
    own: float
    flops_per_token: float

    def utilisation(self, tokens_per_second: float) -> float:
        """Return the fraction of the rate of large matrix products that training reaches."""
        return tokens_per_second * self.flops_per_token / self.square


def measure_machine(
    model: Any,
    n_tokens: int,
    sequence_length: int,
    predicted: float,
    precision: str,
    accelerator: Accelerator,
) -> Machine:
    """Measure the rate at which a training's devices multiply, in a fraction of a second."""
    dtype = torch.bfloat16 if uses_bf16(precision, accelerator.device) else torch.float32
    rates = measure_rates(model, n_tokens, dtype)
    square, own = (rate * int(accelerator.num_processes) for rate in rates)
    return Machine(square, own, flops_per_token(model, sequence_length, predicted))


def measure_rates(model: nn.Module, n_tokens: int, dtype: torch.dtype = torch.float32) -> tuple[float, float]:
    """Time large square products and the model's own, on its device, in operations a second."""
    device = next(model.parameters()).device
    side = _SQUARE.get(device.type, 1024)
    flops, seconds = time_products(side, side, side, device, dtype)
    # Each shape has its part of the time in proportion to its work.
    shapes = Counter(tuple(module.weight.shape) for module in _matrices(model))
    own_flops = own_seconds = 0.0
    for (n_out, n_in), count in shapes.items():
        done, took = time_products(n_tokens, n_in, n_out, device, dtype, _SECONDS / len(shapes))
        work = float(2 * n_tokens * n_in * n_out * count)
        own_flops += work
        own_seconds += work * took / done
    return flops / seconds, own_flops / own_seconds


def flops_per_token(model: Any, sequence_length: int, predicted: float) -> float:
    """Return the floating-point operations that training on one token takes, forward and backward.

    Six for each multiply-add of the forward pass: two there, four backward. Counted are the matrices of the
    trunk, those of the head at the predicted positions, and attention over the whole sequence; element-wise
    work, norms and the optimiser are not.

    Reference:
        Kaplan et al. 2020, "Scaling Laws for Neural Language Models", section 2.1.
    """
    trunk = sum(module.weight.numel() for module in _matrices(model.base_model))
    head = sum(module.weight.numel() for module in _matrices(model)) - trunk
    # Queries by keys, and weights by values.
    attention = 2 * model.config.num_hidden_layers * model.config.hidden_size * sequence_length
    return float(6 * (trunk + attention + predicted * head))


def _matrices(model: nn.Module) -> list[nn.Linear]:
    return [module for module in model.modules() if isinstance(module, nn.Linear)]


def time_products(
    rows: int, inner: int, columns: int, device: torch.device, dtype: torch.dtype, seconds: float = _SECONDS
) -> tuple[float, float]:
    """Return the operations done in about ``seconds`` of products, and the seconds they took."""
    left = torch.full((rows, inner), 0.5, device=device, dtype=dtype)
    right = torch.full((inner, columns), 0.5, device=device, dtype=dtype)
    torch.mm(left, right)  # the first one is slower: kernels are chosen, memory is allocated
    n_products, together = 0, 1
    _wait(device)
    began = time.perf_counter()
    while (took := time.perf_counter() - began) < seconds or not n_products:
        for _ in range(together):
            torch.mm(left, right)
        _wait(device)
        n_products += together
        together *= 2 if took < seconds / 4 else 1
    return float(2 * rows * inner * columns * n_products), max(took, 1e-9)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
