"""Freeze and unfreeze: which layers learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from layerlab.ablation.interventions.kinds import intervention
from layerlab.ablation.interventions.notation import WHOLE_LAYER, Components, Selection
from layerlab.ablation.interventions.protocols import Undo
from layerlab.errors import NoEffectError

if TYPE_CHECKING:
    from torch import nn
    from torch.utils.hooks import RemovableHandle

    from layerlab.models.encoder import Encoder


@intervention("freeze", phases=("before", "during"), changes_output=False)
class Freeze:
    """Let layers learn nothing from here on.

    Attributes:
        layers: The layers.
        dropout: Whether dropout inside them stays on while the model trains. With ``False`` it is off for as
            long as they are frozen, whatever ``model.train()`` says. It is still drawn, and thrown away, so
            that all other layers have the dropout of the run without the ablation.
        components: Parts of each layer; empty for the whole layer.

    Reference: Lee et al. (2019), What Would Elsa Do?, arXiv:1911.03090; Wu & Dredze (2019),
        arXiv:1904.09077.
    """

    layers: Selection
    dropout: bool = True
    components: Components = WHOLE_LAYER

    def hold(self, encoder: Encoder) -> Undo:
        """Switch gradients off, and return what thaws the parameters that were not frozen before."""
        free = [p for p in encoder.parameters(self.layers, self.components).values() if p.requires_grad]
        if not free and self.dropout:
            raise NoEffectError(f"freeze {self.layers}: every parameter it selects is frozen already")
        _let_learn(free, False)
        handles: list[RemovableHandle] = []
        if not self.dropout:
            for module in encoder.modules(self.layers, self.components):
                handles.extend(_silence_dropout(module))

        def undo() -> None:
            _let_learn(free, True)
            for handle in handles:
                handle.remove()

        return undo


@intervention("unfreeze", phases=("during",), changes_output=False)
class Unfreeze:
    """Let layers learn again.

    Attributes:
        layers: The layers.
        components: Parts of each layer; empty for the whole layer.

    Reference: Howard & Ruder (2018), arXiv:1801.06146, for unfreezing from the top.
    """

    layers: Selection
    components: Components = WHOLE_LAYER

    def hold(self, encoder: Encoder) -> Undo:
        """Switch gradients on, and return what freezes the parameters that were frozen before."""
        frozen = [p for p in encoder.parameters(self.layers, self.components).values() if not p.requires_grad]
        if not frozen:
            raise NoEffectError(f"unfreeze {self.layers}: no parameter it selects is frozen")
        _let_learn(frozen, True)
        return lambda: _let_learn(frozen, False)


def _let_learn(parameters: Sequence[nn.Parameter], learning: bool) -> None:
    """Switch gradients on or off; those that are there are dropped: AdamW would go on from a stale one."""
    for parameter in parameters:
        parameter.requires_grad_(learning)
        if not learning:
            parameter.grad = None


def _silence_dropout(module: nn.Module) -> tuple[RemovableHandle, RemovableHandle]:
    """Let dropout inside a module be drawn and thrown away for as long as all its parameters are frozen.

    That holds for the forward pass alone, so that ``model.train()`` and ``model.eval()`` keep their meaning,
    and for attention dropout, which has no module, too.
    """
    from layerlab.models.draws import drawn_apart
    from layerlab.models.substitution import Substituted

    silent: list[Substituted | None] = []

    def enter(module: nn.Module, args: tuple[Any, ...]) -> None:
        learning = any(parameter.requires_grad for parameter in module.parameters())
        mode = None if learning or not module.training else drawn_apart()
        silent.append(mode)
        if mode is not None:
            mode.__enter__()  # type: ignore[no-untyped-call]

    def leave(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        mode = silent.pop()
        if mode is not None:
            mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    before = module.register_forward_pre_hook(enter, prepend=True)
    return before, module.register_forward_hook(leave, always_call=True)
