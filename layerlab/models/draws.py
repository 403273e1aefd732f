"""Dropout that is drawn and not applied, and what dropout draws without what it is applied to.

Runs with one seed draw the same dropout wherever both have some. So a module whose dropout is off still takes
its numbers from the generator, and throws them away; the masks of all other modules are then those of a model
that drops out everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from layerlab.models.substitution import Substituted

Inputs = Mapping[str, Tensor]


def drawn_apart() -> Substituted:
    """Return a context in which dropout draws its numbers and leaves its input as it is.

    It knows dropout and attention as PyTorch computes them, which is what transformers' models call.

    >>> states = torch.ones(4)
    >>> with torch.random.fork_rng(devices=[]), drawn_apart():
    ...     before = torch.get_rng_state()
    ...     found = functional.dropout(states, 0.5)
    ...     bool((found == states).all()), bool((torch.get_rng_state() == before).all())
    (True, False)
    """
    return Substituted(_RULES)


def _dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    if training and 0 < p < 1:
        if input.device.type == "cpu":
            _take(input.shape, input.dtype)
        else:
            functional.dropout(torch.empty(input.shape, dtype=input.dtype, device=input.device), p)
    return input


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    options: dict[str, Any] = {"is_causal": is_causal, "scale": scale, "enable_gqa": enable_gqa}
    attend = functional.scaled_dot_product_attention
    if dropout_p:
        if query.device.type == "cpu":  # which drops from a table of all pairs of positions
            _take((*query.shape[:-1], key.shape[-2]), query.dtype)
        else:  # what a kernel draws depends on the kernel
            with torch.no_grad():
                attend(query, key, value, attn_mask, dropout_p, **options)
    return attend(query, key, value, attn_mask, 0.0, **options)


_RULES: dict[Callable[..., Any], Callable[..., Tensor]] = {
    functional.dropout: _dropout,
    functional.scaled_dot_product_attention: _attention,
}


_Table = tuple[tuple[int, ...], torch.dtype]


def _tables_of(compute: Callable[[], object]) -> list[_Table]:
    """Return shape and type of all that a pass draws apart, without drawing it."""
    tables: list[_Table] = []

    def note(table: Tensor, *_: Any) -> Tensor:
        tables.append((tuple(table.shape), table.dtype))
        return table

    with Substituted({torch.Tensor.bernoulli_: note}):
        compute()
    return tables


@dataclass
class Draws:
    """What a forward pass in which all dropout is drawn apart takes from the generator, without the pass.

    Attributes:
        compute: The forward pass, from its inputs.
    """

    compute: Callable[[Inputs], object]
    _tables: list[tuple[tuple[_Extent, ...], torch.dtype]] | None = None
    _known: bool = False
    _offsets: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def take(self, inputs: Inputs) -> None:
        """Bring the generator to where it stands after the pass of a batch."""
        device = inputs["input_ids"].device.type
        with torch.no_grad():
            if device == "cuda":
                self._jump(inputs)
            elif device == "cpu":
                self._draw(inputs)
            else:
                self.compute(inputs)

    def _draw(self, inputs: Inputs) -> None:
        if not self._known:
            self._known, self._tables = True, self._look(inputs)
        if self._tables is None:
            self.compute(inputs)
            return
        sizes = inputs["input_ids"].shape
        for extents, dtype in self._tables:
            _take(tuple(extent.of(*sizes) for extent in extents), dtype)

    def _look(self, inputs: Inputs) -> list[tuple[tuple[_Extent, ...], torch.dtype]] | None:
        """Return what is drawn by the extents of a batch, None if it depends on something else."""
        seen = []
        for n_rows, n_columns in _SIZES:
            few = {
                name: one[torch.arange(n_rows) % len(one)][:, torch.arange(n_columns) % one.shape[1]]
                for name, one in inputs.items()
            }
            seen.append(_tables_of(partial(self.compute, few)))
        first, second = seen
        tables = []
        for (shape, dtype), (other, _) in zip(first, second, strict=False):
            extents = [_EXTENTS.get(pair) for pair in zip(shape, other, strict=False)]
            fixed = [_Extent(n) if n == m else one for n, m, one in zip(shape, other, extents, strict=False)]
            tables.append((tuple(one for one in fixed if one is not None), dtype))
            if len(shape) != len(other) or None in fixed:
                return None
        return tables if len(first) == len(second) else None

    def _jump(self, inputs: Inputs) -> None:
        """Move a GPU's generator on as far as the pass of a like batch moved it."""
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        key = (*ids.shape, bool(mask.all()), torch.is_autocast_enabled("cuda"))
        generator = torch.cuda.default_generators[ids.device.index or 0]
        start = generator.get_offset()
        if key in self._offsets:
            generator.set_offset(start + self._offsets[key])
        else:
            self.compute(inputs)
            self._offsets[key] = generator.get_offset() - start


@dataclass(frozen=True)
class _Extent:
    """An extent of a table: a number times the rows and the columns of a batch, as far as these count."""

    factor: int
    rows: bool = False
    columns: bool = False

    def of(self, n_rows: int, n_columns: int) -> int:
        """Return it for a batch."""
        return self.factor * (n_rows if self.rows else 1) * (n_columns if self.columns else 1)


# Two batches by rows and columns, and how an extent that differs between them is read.
_SIZES: Final = ((2, 3), (3, 5))
_EXTENTS: Final = {
    (2, 3): _Extent(1, rows=True),
    (3, 5): _Extent(1, columns=True),
    (6, 15): _Extent(1, rows=True, columns=True),
}


def _take(shape: Sequence[int], dtype: torch.dtype) -> None:
    """Take from the CPU's generator what dropout of a table takes; at which rate makes no difference."""
    torch.empty(shape, dtype=dtype).bernoulli_(0.5)
