"""L2-SP: an encoder in training is pulled back to the weights that its fine-tuning starts from."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class StartingPoint:
    """The penalty ``strength / 2 * |w - start|^2``, by its gradient.

    Attributes:
        strength: Of the pull.
        start: The parameters, with the values that they began with.

    Reference: Li, Grandvalet, Davoine (2018), "Explicit Inductive Bias for Transfer Learning with
    Convolutional Networks", equation 3.
    """

    strength: float
    start: tuple[tuple[nn.Parameter, Tensor], ...]

    @classmethod
    def of(cls, module: nn.Module, strength: float) -> StartingPoint:
        """Note the parameters of a module as they are now."""
        return cls(strength, tuple((one, one.detach().clone()) for one in module.parameters()))

    def add_gradients(self) -> None:
        """Add the penalty's gradient to that of each parameter that has one; the others do not learn."""
        for parameter, start in self.start:
            if parameter.grad is not None:
                parameter.grad.add_(parameter.detach() - start, alpha=self.strength)
