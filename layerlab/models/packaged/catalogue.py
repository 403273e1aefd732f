"""Encoders that other packages carry, by name: which there are, and where a checkpoint of one is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from layerlab.errors import CheckpointError

if TYPE_CHECKING:
    from layerlab.models.packaged.package import PackagedEncoder

_REGISTERED: dict[str, PackagedEncoder] = {}


def register_packaged(encoder: PackagedEncoder) -> None:
    """Make an encoder of a package known by its name.

    Raises:
        CheckpointError: Another has its name.
    """
    if packaged_encoders().get(encoder.name, encoder) != encoder:
        raise CheckpointError(f"an encoder is called {encoder.name!r} already; give yours another name")
    _REGISTERED[encoder.name] = encoder


def packaged_encoders() -> dict[str, PackagedEncoder]:
    """Return the encoders that packages carry, installed or not, by name.

    Each may stand wherever a model's folder or Hub id may.

    >>> "multilingual-e5-small-q4" in packaged_encoders()
    True
    """
    from layerlab.models.packaged.multilingual_e5 import MULTILINGUAL_E5_SMALL

    return {MULTILINGUAL_E5_SMALL.name: MULTILINGUAL_E5_SMALL, **_REGISTERED}


def packaged_folder(name: str) -> Path | None:
    """Return a checkpoint of an encoder that a package carries; it is made at the first call and kept.

    Returns:
        Its folder; None if ``name`` is none of these encoders.

    Raises:
        CheckpointError: Its package is not installed, or carries another file.
    """
    from layerlab.models.packaged.cache import cached_folder

    encoder = packaged_encoders().get(name)
    return None if encoder is None else cached_folder(encoder.name, encoder.key, encoder.fill)
