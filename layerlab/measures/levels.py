"""An encoder whose dropout is off for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@contextmanager
def frozen(base: PreTrainedModel) -> Iterator[None]:
    """Switch an encoder's dropout off inside a ``with`` block, where it was on."""
    training = [module for module in base.modules() if module.training]
    base.eval()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for module in training:
            module.training = True
