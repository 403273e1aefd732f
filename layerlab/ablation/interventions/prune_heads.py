"""Prune heads: attention without some of its heads."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from layerlab.ablation.interventions.kinds import intervention
from layerlab.ablation.interventions.notation import Numbers, Selection, numbers_of, refuse_embeddings
from layerlab.ablation.interventions.protocols import Undo
from layerlab.errors import ArchitectureError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from layerlab.models.encoder import Encoder


@intervention("prune_heads")
class PruneHeads:
    """Take heads out of the attention of layers.

    What a head gives is zero from here on, so that a layer computes what it would compute without the head's
    query, key, value and output weights. Before fine-tuning the heads stay out, and their weights learn
    nothing. Dropout is drawn as with all heads, so that the rest stays paired with the baseline.

    Attributes:
        layers: The layers.
        heads: Their heads, from 0: ``0``, ``"0-3"`` or ``[0, 5]``.

    Reference: Michel et al. (2019), Are Sixteen Heads Really Better than One?, arXiv:1905.10650; Voita et al.
        (2019), arXiv:1905.09418.

    >>> PruneHeads("0-1", heads=[5, 0, 1]).heads
    '0-1,5'
    """

    layers: Selection
    heads: Numbers

    components = ("attention",)  # what receipts list
    may_not_fit = True  # there may be fewer heads

    _layers_only = refuse_embeddings("embeddings have no attention heads; select layers only")

    def hold(self, encoder: Encoder) -> Undo:
        """Install what silences the heads, and return what removes it.

        Raises:
            SelectionError: A head does not exist.
            ArchitectureError: The anatomy does not say where attention's output is.
        """
        config, path = encoder.base.config, encoder.anatomy.attention_output
        n_heads = int(config.num_attention_heads)
        heads = numbers_of(self.heads, n_heads, "head")
        if not path:
            raise ArchitectureError(f"the anatomy of {config.model_type!r} lacks attention_output")
        handles = [
            encoder.layers[index]
            .get_submodule(path)
            .register_forward_pre_hook(partial(_silence, heads=heads, n_heads=n_heads))
            for index in self.layers.indices(encoder.n_layers)
        ]

        def undo() -> None:
            for handle in handles:
                handle.remove()

        return undo


def _silence(module: nn.Module, args: tuple[Any, ...], *, heads: list[int], n_heads: int) -> tuple[Any, ...]:
    """Zero what some heads give to the projection that joins them, ``(batch, tokens, heads * size)``."""
    import torch

    given: Tensor = args[0]
    silent = torch.zeros(n_heads, 1, dtype=torch.bool, device=given.device)
    silent[heads] = True
    return (given.reshape(*given.shape[:-1], n_heads, -1).masked_fill(silent, 0).flatten(-2), *args[1:])
