"""Interventions that hold until undone: each function installs one and returns what undoes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from layerlab.errors import ArchitectureError, NoEffectError

if TYPE_CHECKING:
    from layerlab.ablation.interventions import Freeze, Skip, Unfreeze
    from layerlab.models.encoder import Encoder

Undo = Callable[[], None]


def freeze(item: Freeze, encoder: Encoder) -> Undo:
    """Switch gradients off, and drop those there are: AdamW would go on from a stale one."""
    free = [p for p in encoder.parameters(item.layers, item.components).values() if p.requires_grad]
    if not free and item.dropout:
        raise NoEffectError(f"freeze {item.layers}: every parameter it selects is frozen already")
    for parameter in free:
        parameter.requires_grad_(False)
        parameter.grad = None
    handles: list[RemovableHandle] = []
    if not item.dropout:
        for module in encoder.modules(item.layers, item.components):
            handles.extend(_silence_dropout(module))

    def undo() -> None:
        for parameter in free:
            parameter.requires_grad_(True)
        _remove(handles)

    return undo


def unfreeze(item: Unfreeze, encoder: Encoder) -> Undo:
    """Switch gradients on again."""
    frozen = [p for p in encoder.parameters(item.layers, item.components).values() if not p.requires_grad]
    if not frozen:
        raise NoEffectError(f"unfreeze {item.layers}: no parameter it selects is frozen")
    for parameter in frozen:
        parameter.requires_grad_(True)

    def undo() -> None:
        for parameter in frozen:
            parameter.requires_grad_(False)
            parameter.grad = None

    return undo


def skip(item: Skip, encoder: Encoder) -> Undo:
    """Replace the output of layers by their input, or of sub-blocks by zeros."""
    layers = [encoder.layers[index] for index in item.layers.indices(encoder.n_layers)]
    handles = []
    if not item.components:
        # Ahead of the hooks by which transformers records hidden states, which stay once installed.
        handles = [layer.register_forward_hook(_pass_by, with_kwargs=True, prepend=True) for layer in layers]
    for component in encoder.check_components(item.components, item.layers):
        path = getattr(encoder.anatomy, f"{component}_output")
        if not path:
            raise ArchitectureError(
                f"the anatomy of {encoder.model.config.model_type!r} lacks {component}_output"
            )
        for layer in layers:
            handles.append(layer.get_submodule(path).register_forward_hook(_give_zeros, prepend=True))
    return lambda: _remove(handles)


def _pass_by(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
    """Give a layer's input as its output, in the form of its output."""
    states = args[0] if args else kwargs["hidden_states"]
    return (states, *output[1:]) if isinstance(output, tuple) else states


def _give_zeros(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
    return torch.zeros_like(output)


def _silence_dropout(module: nn.Module) -> tuple[RemovableHandle, RemovableHandle]:
    """Let a module run in evaluation mode for as long as all its parameters are frozen.

    The mode is set for the forward pass alone, so that ``model.train()`` and ``model.eval()`` keep their
    meaning, and attention dropout, which has no module, is silenced too.
    """
    switched: list[Sequence[nn.Module]] = []

    def enter(module: nn.Module, args: tuple[Any, ...]) -> None:
        learning = any(parameter.requires_grad for parameter in module.parameters())
        active = [] if learning else [part for part in module.modules() if part.training]
        for part in active:
            part.training = False
        switched.append(active)

    def leave(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        for part in switched.pop():
            part.training = True

    before = module.register_forward_pre_hook(enter, prepend=True)
    return before, module.register_forward_hook(leave, always_call=True)


def _remove(handles: Sequence[RemovableHandle]) -> None:
    for handle in handles:
        handle.remove()
