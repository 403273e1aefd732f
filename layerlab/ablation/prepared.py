"""Interventions carried out once, to be put in place and taken back many times at next to no cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from torch import Tensor, nn

from layerlab.ablation.apply import Receipt, applied
from layerlab.ablation.interventions import Edit, Intervention, PruneHeads, Skip, Standing, is_standing
from layerlab.ablation.interventions.donors import Donors
from layerlab.ablation.place import HEAD, Place, bare
from layerlab.models.encoder import Encoder


@dataclass(frozen=True)
class Prepared:
    """Interventions whose new weights lie ready beside those that an encoder has.

    Attributes:
        encoder: The encoder; it is as it was.
        receipts: What the interventions touch.
        start: The lowest level from which states can differ from the encoder's own: ``i`` if layer ``i`` is
            the lowest that is changed, the number of layers if nothing is; None if another part is (the
            embeddings, what layers share, what is on top), or if a kind that is not known here stands, so
            that all has to be computed.
        weights: Each parameter that an edit selects, with its new values.
        standing: Interventions that are installed while the others are in place.
    """

    encoder: Encoder
    receipts: tuple[Receipt, ...]
    start: int | None
    weights: tuple[tuple[nn.Parameter, Tensor], ...]
    standing: tuple[Standing, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes of the new weights."""
        return sum(value.nbytes for _, value in self.weights)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the interventions act inside a ``with`` block.

        The parameters stay the same objects and hold other memory meanwhile, so nothing is copied. Inside the
        block nothing may be trained.
        """
        with ExitStack() as undone:
            for parameter, value in self.weights:
                undone.callback(setattr, parameter, "data", parameter.data)
                parameter.data = value
            for item in self.standing:
                undone.callback(Place(self.encoder).hold(item))
            yield


def prepare(
    items: Sequence[Intervention],
    encoder: Encoder,
    donors: Donors | None = None,
    head: nn.Module | None = None,
) -> Prepared:
    """Carry interventions out, keep what they give, and take them back.

    Takes what :func:`layerlab.ablation.apply.apply` takes.

    Raises:
        LayerlabError: As :func:`layerlab.ablation.apply.apply`.
    """
    with applied(items, encoder, donors=donors, head=head) as receipts:
        parameters = Place(encoder, head).parameters()
        pairs = zip(items, receipts, strict=True)
        names = dict.fromkeys(n for item, one in pairs if isinstance(item, Edit) for n in one.parameters)
        weights = tuple((parameters[name], parameters[name].detach().clone()) for name in names)
    start = lowest_level(items, receipts, encoder)
    return Prepared(encoder, receipts, start, weights, tuple(item for item in items if is_standing(item)))


def lowest_level(items: Sequence[Intervention], receipts: Sequence[Receipt], encoder: Encoder) -> int | None:
    """Return the lowest level from which states can change, as :class:`Prepared` has it."""
    parts: set[int | str] = set()
    for item, receipt in zip(items, receipts, strict=True):
        if isinstance(item, Edit):
            names = (name for name in receipt.parameters if not name.startswith(HEAD))
            parts.update(encoder.part_of[bare(name)] for name in names)
        elif type(item) in (Skip, PruneHeads):
            parts.update(item.layers.indices(encoder.n_layers))
        else:
            return None  # its layers may not say what it acts on
    levels = [part for part in parts if isinstance(part, int)]
    return min(levels, default=encoder.n_layers) if len(levels) == len(parts) else None
