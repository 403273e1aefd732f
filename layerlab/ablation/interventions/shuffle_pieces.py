"""Shuffle pieces: word-pieces exchange their embeddings."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from layerlab.ablation.interventions.kinds import intervention
from layerlab.ablation.interventions.notation import ALL_NUMBERS, OptionalNumbers, Selection, numbers_of
from layerlab.errors import SelectionError
from layerlab.models.layers import Layers

if TYPE_CHECKING:
    from torch import Tensor

    from layerlab.ablation.interventions.donors import Donors
    from layerlab.models.encoder import Encoder

_EMBEDDINGS = Layers.parse("embeddings")


@intervention("shuffle_pieces")
class ShufflePieces:
    """Exchange the embeddings of word-pieces among themselves.

    The matrix keeps its rows, and so their distribution; what a piece means is lost, while how the layers
    treat a vector is not. Positions, types and the norm of the embeddings stay.

    Attributes:
        layers: The embeddings, where the pieces are.
        pieces: Ids of the pieces, such as ``"106-999,2005"`` or those of one language; every piece of the
            tokenizer's vocabulary but the special ones if None.
        seed: Of the order, which is drawn at random and never the one that is there; the run's if None.

    Reference: Muller et al. (2021), First Align, then Predict, arXiv:2101.11109, whose code has it as an
        option.

    >>> ShufflePieces(pieces=[7, 5, 6]).pieces
    '5-7'
    """

    layers: Selection = _EMBEDDINGS  # type: ignore[assignment]
    pieces: OptionalNumbers = ALL_NUMBERS
    seed: int | None = Field(default=None, ge=0)

    @field_validator("layers")
    @classmethod
    def _refuse_layers(cls, value: Layers) -> Layers:
        if value != _EMBEDDINGS:
            raise ValueError("pieces are in the embeddings; leave layers out")
        return value

    @property
    def order_depends_on_seed(self) -> bool:
        """Whether the run's seed draws the order."""
        return self.seed is None

    @property
    def may_not_fit(self) -> bool:
        """True for named pieces, of which there may be fewer."""
        return self.pieces is not None

    def weights(self, encoder: Encoder, donors: Donors) -> dict[str, Tensor]:
        """Return the embedding matrix, ``(pieces, width)``, with rows in their new places.

        Raises:
            SelectionError: A piece does not exist, or fewer than two are selected.
            CheckpointError: The tokenizer, which says which pieces are special, is not there.
        """
        import torch

        matrix = encoder.base.get_input_embeddings().weight
        assert isinstance(matrix, torch.nn.Parameter)
        (name,) = (name for name, one in encoder.base.named_parameters() if one is matrix)
        here = (
            _plain_pieces(encoder, donors)
            if self.pieces is None
            else numbers_of(self.pieces, len(matrix), "piece")
        )
        if len(here) < 2:
            raise SelectionError(f"piece {here[0]} alone cannot be shuffled; select at least two pieces")
        rows = torch.arange(len(matrix))
        rows[here] = torch.tensor(_draw(here, donors.seed_of(self.seed)))
        return {name: matrix.detach()[rows.to(matrix.device)]}


def _plain_pieces(encoder: Encoder, donors: Donors) -> list[int]:
    """Return the ids of all pieces of the checkpoint's tokenizers that are not special."""
    from layerlab.models.tokenizers import load_tokenizers

    found = load_tokenizers(*donors.origin(encoder))
    tokenizers = [found.common, *found.own.values()]
    special = {number for one in tokenizers for number in one.all_special_ids}
    return [number for number in range(max(map(len, tokenizers))) if number not in special]


def _draw(pieces: list[int], seed: int) -> list[int]:
    generator = random.Random(seed)
    order = list(pieces)
    while order == pieces:
        generator.shuffle(order)
    return order
