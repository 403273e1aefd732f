"""Carrying interventions out: the one place where weights are written, with a receipt of what was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, overload

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from layerlab.ablation.interventions import (
    Edit,
    Intervention,
    Standing,
    is_standing,
    kind_of,
    to_dict,
)
from layerlab.ablation.interventions.donors import Donors
from layerlab.ablation.interventions.protocols import Undo
from layerlab.ablation.place import Place
from layerlab.errors import NoEffectError
from layerlab.models.encoder import Encoder, as_encoder
from layerlab.models.rates import rate_of


@dataclass(frozen=True)
class Receipt:
    """What an intervention touched.

    Attributes:
        intervention: The intervention as plain values.
        parameters: Names of the parameters it governs, relative to the base model; those of a head after
            ``head.``, those of another language after its name.
        n_values: Numbers in them.
        n_changed: Parameters that an edit changed, whose gradients were switched on or off, or whose learning
            rate was scaled.
        digest_before: Of the parameters' values before.
        digest_after: Of their values after; the same for interventions that leave weights alone.
        undo: Takes a standing intervention back; None for an edit.
    """

    intervention: dict[str, Any]
    parameters: tuple[str, ...]
    n_values: int
    n_changed: int
    digest_before: str
    digest_after: str
    undo: Undo | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a record; the undo handle stays behind."""
        plain = {name: value for name, value in vars(self).items() if name != "undo"}
        return plain | {"parameters": list(self.parameters)}


Model = PreTrainedModel | Encoder


@overload
def apply(
    intervention: Intervention,
    model: Model,
    *,
    donors: Donors | None = None,
    head: nn.Module | None = None,
    allow_no_effect: bool = False,
) -> Receipt: ...
@overload
def apply(
    intervention: Sequence[Intervention],
    model: Model,
    *,
    donors: Donors | None = None,
    head: nn.Module | None = None,
    allow_no_effect: bool = False,
) -> tuple[Receipt, ...]: ...
def apply(
    intervention: Intervention | Sequence[Intervention],
    model: Model,
    *,
    donors: Donors | None = None,
    head: nn.Module | None = None,
    allow_no_effect: bool = False,
) -> Receipt | tuple[Receipt, ...]:
    """Carry out an intervention, or several in order, on a model in place.

    Everything is checked before a weight is written. If one of several fails, those before it are taken
    back. Weights are copied into the parameters there are, so that optimisers, ties and compiled
    graphs stay valid.

    Args:
        intervention: One, or a sequence.
        model: A transformers model, with or without head, or an :class:`Encoder`.
        donors: Where weights come from; needed for runs' seeds and for fits of a study.
        head: The task head, which interventions such as ``Interpolate`` change with the encoder.
        allow_no_effect: Accept interventions that change nothing.

    Returns:
        A receipt, or a tuple of them for a sequence.

    Raises:
        NoEffectError: No parameter is touched, or everything stays bit for bit as it was.
        DonorError: Weights are not there or do not fit; names them.
        SelectionError: A layer does not exist.
    """
    encoder, donors = as_encoder(model), donors or Donors()
    place = Place(encoder, head)
    if not isinstance(intervention, Sequence):
        return _apply(intervention, place, donors, allow_no_effect, keep=False)[0]
    return _apply_all(intervention, place, donors, allow_no_effect, keep=len(intervention) > 1)[0]


@contextmanager
def applied(
    intervention: Intervention | Sequence[Intervention],
    model: Model,
    *,
    donors: Donors | None = None,
    head: nn.Module | None = None,
    allow_no_effect: bool = False,
) -> Iterator[tuple[Receipt, ...]]:
    """Carry out interventions for the length of a ``with`` block.

    Takes the arguments of :func:`apply`. On exit, also by an exception, every parameter that an edit selects
    is restored bit for bit, whether the edit or training inside the block changed it; so are
    ``requires_grad``, factors of learning rates, hooks and the training mode of every module. What the block
    itself does to other parameters stays.

    Yields:
        The receipts.

    Raises:
        LayerlabError: As :func:`apply`.
    """
    encoder, donors = as_encoder(model), donors or Donors()
    items = intervention if isinstance(intervention, Sequence) else (intervention,)
    place = Place(encoder, head)
    every = {id(one): one for one in (*encoder.model.parameters(), *place.parameters().values())}
    learning = [(parameter, parameter.requires_grad) for parameter in every.values()]
    training = [(module, module.training) for module in place.modules()]
    receipts, restore = _apply_all(items, place, donors, allow_no_effect, keep=True)
    try:
        yield receipts
    finally:
        restore()
        for parameter, requires_grad in learning:
            parameter.requires_grad_(requires_grad)
        for module, mode in training:
            module.training = mode


def _apply_all(
    items: Sequence[Intervention], place: Place, donors: Donors, allow_no_effect: bool, keep: bool
) -> tuple[tuple[Receipt, ...], Undo]:
    """Carry out several; return receipts and, if old values are kept, what takes all of them back."""
    receipts: list[Receipt] = []
    undos: list[Undo] = []

    def restore() -> None:
        while undos:
            undos.pop()()

    try:
        for item in items:
            receipt, undo = _apply(item, place, donors, allow_no_effect, keep)
            receipts.append(receipt)
            undos.append(undo)
    except BaseException:
        restore()
        raise
    return tuple(receipts), restore


def _apply(
    item: Intervention, place: Place, donors: Donors, allow_no_effect: bool, keep: bool
) -> tuple[Receipt, Undo]:
    kind_of(item)
    if isinstance(item, Edit):
        return _edit(item, place, donors, allow_no_effect, keep)
    if is_standing(item):
        return _hold(item, place, allow_no_effect)
    raise TypeError(f"{item!r} has neither `weights` nor `hold`, so it cannot be applied")


def _edit(
    item: Edit, place: Place, donors: Donors, allow_no_effect: bool, keep: bool
) -> tuple[Receipt, Undo]:
    """Compute new values, check all of them, then write."""
    values = place.values(item, donors)
    parameters = place.parameters()
    touched = {name: parameters[name] for name in values}
    n_changed = sum(
        not torch.equal(touched[name].detach(), value.to(touched[name].device, touched[name].dtype))
        for name, value in values.items()
    )
    if not n_changed and not allow_no_effect:
        raise NoEffectError(_without_effect(item, touched))
    before = _digest(touched)
    old = {name: touched[name].detach().clone() for name in touched} if keep else {}
    _write(values, touched)
    return _receipt(item, touched, n_changed, before), lambda: _write(old, touched)


def _hold(item: Standing, place: Place, allow_no_effect: bool) -> tuple[Receipt, Undo]:
    touched = place.selected(item)
    if not touched and not allow_no_effect:
        raise NoEffectError(_without_effect(item, touched))
    learning = {name: _learning(parameter) for name, parameter in touched.items()}
    before = _digest(touched)
    try:
        undo = place.hold(item)
    except NoEffectError:
        if not allow_no_effect:
            raise
        undo = lambda: None  # noqa: E731
    n_changed = sum(_learning(parameter) != learning[name] for name, parameter in touched.items())
    return _receipt(item, touched, n_changed, before, undo), undo


def _learning(parameter: nn.Parameter) -> tuple[bool, float]:
    """Return whether a parameter learns, and by what factor of the learning rate."""
    return parameter.requires_grad, rate_of(parameter)


def _write(values: Mapping[str, Tensor], parameters: Mapping[str, nn.Parameter]) -> None:
    with torch.no_grad():
        for name, value in values.items():
            parameters[name].copy_(value)


def _digest(parameters: Mapping[str, Tensor]) -> str:
    total = hashlib.sha256()
    for name, parameter in parameters.items():
        total.update(name.encode())
        data = parameter.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        total.update(data.numpy().tobytes())
    return total.hexdigest()[:16]


def _receipt(
    item: Intervention, touched: Mapping[str, Tensor], n_changed: int, before: str, undo: Undo | None = None
) -> Receipt:
    n_values = sum(parameter.numel() for parameter in touched.values())
    return Receipt(to_dict(item), tuple(touched), n_values, n_changed, before, _digest(touched), undo)


def _without_effect(item: Intervention, touched: Mapping[str, Tensor]) -> str:
    if not touched:
        return f"{item!r} touches no parameter"
    return (
        f"{item!r} leaves all {len(touched)} parameters it selects bit for bit as they are; "
        f"pass allow_no_effect=True if that is meant"
    )
