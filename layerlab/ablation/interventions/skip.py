"""Skip: hidden states pass by layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import field_validator

from layerlab.ablation.interventions.kinds import intervention
from layerlab.ablation.interventions.notation import WHOLE_LAYER, Components, Selection, refuse_embeddings
from layerlab.ablation.interventions.protocols import Undo
from layerlab.errors import ArchitectureError
from layerlab.models.anatomy import Component

if TYPE_CHECKING:
    from torch import Tensor, nn

    from layerlab.models.encoder import Encoder


@intervention("skip")
class Skip:
    """Pass hidden states by layers as if they were not there.

    Without components a layer's output is its input. With ``attention`` or ``ffn``, that sub-block adds
    nothing to the residual stream; norms of the layer still act. The skipped part is computed and thrown
    away, so that it draws the same dropout and later layers stay paired with the baseline's.

    Attributes:
        layers: The layers.
        components: ``attention``, ``ffn`` or both; empty for the whole layer.

    Reference: Sajjad et al. (2023), arXiv:2004.03844; Fan et al. (2020), arXiv:1909.11556.
    """

    layers: Selection
    components: Components = WHOLE_LAYER

    _layers_only = refuse_embeddings("embeddings cannot be skipped: there are no hidden states before them")

    @field_validator("components")
    @classmethod
    def _refuse_norm(cls, value: tuple[Component, ...]) -> tuple[Component, ...]:
        if "norm" in value:
            raise ValueError(
                "norms cannot be skipped: they add nothing to the residual stream, they rescale it"
            )
        return value

    def hold(self, encoder: Encoder) -> Undo:
        """Install the bypass, and return what removes it."""
        layers = [encoder.layers[index] for index in self.layers.indices(encoder.n_layers)]
        handles = []
        if not self.components:
            # Ahead of the hooks by which transformers records hidden states, which stay once installed.
            handles = [
                layer.register_forward_hook(_pass_by, with_kwargs=True, prepend=True) for layer in layers
            ]
        for component in encoder.check_components(self.components, self.layers):
            path = getattr(encoder.anatomy, f"{component}_output")
            if not path:
                raise ArchitectureError(
                    f"the anatomy of {encoder.model.config.model_type!r} lacks {component}_output"
                )
            for layer in layers:
                handles.append(layer.get_submodule(path).register_forward_hook(_give_zeros, prepend=True))

        def undo() -> None:
            for handle in handles:
                handle.remove()

        return undo


def _pass_by(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
    """Give a layer's input as its output, in the form of its output."""
    states = args[0] if args else kwargs["hidden_states"]
    return (states, *output[1:]) if isinstance(output, tuple) else states


def _give_zeros(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
    import torch

    return torch.zeros_like(output)
