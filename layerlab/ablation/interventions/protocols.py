"""What an intervention is, and the questions that every one answers, built-in or a user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from layerlab.ablation.interventions.notation import FitDonor
from layerlab.errors import Problem, StudyError
from layerlab.models.layers import Layers

if TYPE_CHECKING:
    from torch import Tensor, nn
    from typing_extensions import TypeIs

    from layerlab.ablation.interventions.donors import Donors
    from layerlab.models.encoder import Encoder

PHASES = ("before", "during", "after")
Undo = Callable[[], None]


class Intervention(Protocol):
    """A frozen value that says what is done to which layers; see :class:`Edit` and :class:`Standing`.

    Its class may have more attributes, or properties, that say how it is treated:

    - ``changes_output``: False if it only changes what is trained (default: True).
    - ``donor``: The model that weights come from: a folder, a Hub id, ``pretrained``, or a fit of the study.
      A plan finds it, and a fit waits for the fit that it needs.
    - ``may_not_fit``: True if it may not fit an encoder. A plan then tries it by names and shapes, so that
      ``weights`` must work on tensors without values (default: False).
    - ``participle``: What reports say was done to the layers, such as ``scaled`` (default: its kind).
    - ``order_depends_on_seed``: True if the run's seed decides which weights go where (default: False).
    """

    @property
    def layers(self) -> Layers:
        """The layers it acts on."""
        ...


@runtime_checkable
class Edit(Intervention, Protocol):
    """An intervention that changes weights once."""

    def weights(self, encoder: Encoder, donors: Donors) -> Mapping[str, Tensor]:
        """Return new values by parameter name relative to the base model, and change nothing."""
        ...


@runtime_checkable
class HeadEdit(Edit, Protocol):
    """An edit that changes the task head with the encoder; it is made after fine-tuning."""

    def head_weights(self, head: nn.Module, donors: Donors) -> Mapping[str, Tensor]:
        """Return new values by parameter name of the head, and change nothing."""
        ...


@runtime_checkable
class Standing(Intervention, Protocol):
    """An intervention that holds until it is undone."""

    def hold(self, encoder: Encoder) -> Undo:
        """Install it and return what undoes it.

        Raises:
            NoEffectError: It would change nothing.
        """
        ...


@runtime_checkable
class DepthAware(Intervention, Protocol):
    """An intervention that has more to settle than its selection once the depth is known."""

    def at_depth(self, n_layers: int) -> Intervention:
        """Return its form for an encoder of ``n_layers``; its ``layers`` are canonical already.

        Raises:
            SelectionError: It does not fit the depth.
        """
        ...


def at_depth(item: Intervention, n_layers: int) -> Intervention:
    """Return an intervention in its one canonical form for an encoder of ``n_layers``.

    Raises:
        SelectionError: A layer does not exist, or an order or pairing does not fit the selected layers.

    >>> from layerlab.ablation.interventions import Reset
    >>> at_depth(Reset("last:2"), 4).layers
    Layers(text='2-3')
    """
    item = replace(item, layers=item.layers.resolve(n_layers))  # type: ignore[type-var]
    return item.at_depth(n_layers) if isinstance(item, DepthAware) else item


def kind_of(item: Intervention) -> str:
    """Return an intervention's name in study files."""
    kind: str | None = getattr(type(item), "kind", None)
    if kind is None:
        raise StudyError([Problem("", f"{item!r} is no intervention; its class needs @intervention('kind')")])
    return kind


def is_standing(item: Intervention) -> TypeIs[Standing]:
    """Return whether an intervention holds until it is undone; an edit changes weights once."""
    return isinstance(item, Standing)


def changes_output(item: Intervention) -> bool:
    """Return whether an intervention changes what the model computes, and not only what is trained."""
    return bool(getattr(item, "changes_output", True))


def donor_of(item: Intervention) -> str | FitDonor | None:
    """Return the model that an intervention takes weights from; None if it takes none from another."""
    donor: str | FitDonor | None = getattr(item, "donor", None)
    return donor


def is_elsewhere(donor: str | FitDonor | None) -> bool:
    """Return whether a donor is a checkpoint of its own: not the model's own one, nor a fit of the study."""
    return isinstance(donor, str) and donor != "pretrained"


def may_not_fit(item: Intervention) -> bool:
    """Return whether an intervention may not fit an encoder: its weights their place, or what it names."""
    return bool(getattr(item, "may_not_fit", False))


def order_depends_on_seed(item: Intervention) -> bool:
    """Return whether the run's seed decides which weights go where."""
    return bool(getattr(item, "order_depends_on_seed", False))
