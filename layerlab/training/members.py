"""Functions of models that are computed for several members at once, each as it is computed for one.

Members see the same batch and draw the same dropout. ``torch.vmap`` computes a model for all of them; some
functions need more than it does. Dropout is drawn once, with the shape and the kernel of one member, so that
it is what a member would draw alone. Attention has no batching rule for its backward pass: members are
folded into the batch, or, where its dropout is drawn inside a GPU kernel, follow each other under the same
state of the generator. Linear layers and norms are one operation less each, over all states, than ``vmap``
makes of them. All are ordinary operations outside ``vmap``, which autograd differentiates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from layerlab.models.substitution import Substituted

# What a vmap rule returns: the result with the members in front, and where they are.
_Ruled = tuple[Tensor, int]


def same_for_members() -> Substituted:
    """Return a context in which dropout and attention inside ``vmap`` are those of each member alone.

    >>> states = torch.ones(3, 2, 4)
    >>> with same_for_members():
    ...     found = torch.vmap(functional.dropout, randomness="same")(states)
    >>> bool((found[0] == found[1]).all())
    True
    """
    return Substituted(_RULES)


def _dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    if not training or p == 0:
        return input
    dropped: Tensor = _Dropout.apply(input, p)  # type: ignore[no-untyped-call]
    return dropped


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
    others = (dropout_p, is_causal, scale, enable_gqa)
    attended: Tensor = _Attention.apply(query, key, value, attn_mask, *others)  # type: ignore[no-untyped-call]
    return attended


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    product: Tensor = _Linear.apply(input, weight, bias)  # type: ignore[no-untyped-call]
    return product


def _layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    normal: Tensor = functional.layer_norm(input, list(normalized_shape), eps=eps)
    if weight is None or bias is None:
        return normal if weight is None else normal * weight
    return torch.addcmul(bias, normal, weight)


_RULES: dict[Callable[..., Any], Callable[..., Tensor]] = {
    functional.dropout: _dropout,
    functional.linear: _linear,
    functional.layer_norm: _layer_norm,
    functional.scaled_dot_product_attention: _attention,
}


class _Dropout(torch.autograd.Function):
    """Dropout that is drawn once for all members."""

    generate_vmap_rule = False

    @staticmethod
    def forward(states: Tensor, rate: float) -> Tensor:
        return functional.dropout(states, rate)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], states: Tensor, rate: float) -> _Ruled:
        stacked = _members_first(states, in_dims[0], info.batch_size)
        ones = torch.ones(stacked.shape[1:], dtype=states.dtype, device=states.device)
        if states.dtype in (torch.float32, torch.float64) or states.device.type == "cpu":
            return stacked * functional.dropout(ones, rate), 0
        # A GPU's kernel scales in float32 and rounds once; the scale itself must not be rounded.
        kept = torch.native_dropout(ones, rate, True)[1]
        return stacked * kept * (1 / (1 - rate)), 0


class _Linear(torch.autograd.Function):
    """The linear layers of all members as one batched product."""

    generate_vmap_rule = False

    @staticmethod
    def forward(states: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return functional.linear(states, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], states: Tensor, weight: Tensor, bias: Tensor | None
    ) -> _Ruled:
        states, weight = (
            _members_first(one, dim, info.batch_size)
            for one, dim in zip((states, weight), in_dims[:2], strict=True)
        )
        flat = states.reshape(info.batch_size, -1, states.shape[-1])
        if bias is None:
            product = torch.bmm(flat, weight.mT)
        else:
            its = _members_first(bias, in_dims[2], info.batch_size)
            product = torch.baddbmm(its[:, None], flat, weight.mT)
        return product.view(*states.shape[:-1], -1), 0


class _Attention(torch.autograd.Function):
    """Attention of all members, with the dropout that each would draw alone."""

    generate_vmap_rule = False

    @staticmethod
    def forward(*inputs: Any) -> Tensor:
        return _attend(*inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> _Ruled:
        n_members = info.batch_size
        query, key, value = (
            _members_first(one, dim, n_members) for one, dim in zip(inputs[:3], in_dims[:3], strict=True)
        )
        mask, rate, others = inputs[3], inputs[4], inputs[4:]
        if in_dims[3] is not None:
            mask = mask.movedim(in_dims[3], 0)
        if rate and query.device.type == "cpu":
            # Composed of plain operations there, each of which has a rule.
            rows = (0, 0, 0, None if in_dims[3] is None else 0)
            attend = torch.vmap(lambda *four: _attend(*four, *others), rows, randomness="same")
            return attend(query, key, value, mask), 0
        if rate:
            masks = [mask] * n_members if in_dims[3] is None else mask
            return torch.stack(_one_by_one(zip(query, key, value, masks, strict=True), others)), 0
        if mask is not None:
            mask = _fold_mask(mask, in_dims[3] is not None, query)
        folded = [one.flatten(0, 1) for one in (query, key, value)]
        attended = _attend(folded[0], folded[1], folded[2], mask, *others)
        return attended.reshape(n_members, -1, *attended.shape[1:]), 0


def _attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None,
    rate: float, causal: bool, scale: float | None, grouped: bool,
) -> Tensor:  # fmt: skip
    return functional.scaled_dot_product_attention(
        query, key, value, mask, rate, causal, scale=scale, enable_gqa=grouped
    )


def _one_by_one(members: Iterable[tuple[Any, ...]], others: tuple[Any, ...]) -> list[Tensor]:
    """Attend for one member after the other, each under the generator's state of the first."""
    found: list[Tensor] = []
    state = None
    for member in members:
        device = member[0].device
        if state is None:
            state = torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()
        elif device.type == "cuda":
            torch.cuda.set_rng_state(state, device)
        else:
            torch.set_rng_state(state)
        found.append(_attend(*member, *others))
    return found


def _fold_mask(mask: Tensor, is_batched: bool, query: Tensor) -> Tensor:
    """Return a mask for members that are folded into the batch of ``query`` ``(members, batch, ...)``."""
    n_members, n_rows = query.shape[:2]
    if not is_batched:
        mask = mask.expand(n_members, *mask.shape)
    missing = query.ndim - mask.ndim
    mask = mask.reshape(n_members, *[1] * missing, *mask.shape[1:])
    return mask.expand(n_members, n_rows, *mask.shape[2:]).flatten(0, 1)


def _members_first(tensor: Tensor, dim: int | None, n_members: int) -> Tensor:
    """Return a tensor with the members in front; what is the same for all is repeated, without a copy."""
    return tensor.expand(n_members, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
