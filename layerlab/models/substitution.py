"""Functions of PyTorch that are computed by others for as long as a context lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch.overrides import TorchFunctionMode

Rules = Mapping[Callable[..., Any], Callable[..., Any]]


class Substituted(TorchFunctionMode):
    """A context in which each function of some rules is computed by the one that stands for it.

    What a rule calls is computed as it is without the context. It is PyTorch that hands functions over, so
    models are left as they are.

    >>> import torch
    >>> with Substituted({torch.neg: torch.exp}):
    ...     found = torch.neg(torch.zeros(2))
    >>> found
    tensor([1., 1.])
    """

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self.rules = rules

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Compute a function of PyTorch."""
        return self.rules.get(func, func)(*args, **(kwargs or {}))
