"""The encoders that come with layerlab, by name."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[2] / "encoders"


def bundled_encoders() -> tuple[str, ...]:
    """Return the names of the encoders that come with layerlab, sorted.

    Each may stand wherever a model's folder or Hub id may. What they are, and what they are not, is in the
    model card of each: ``README.md`` in its folder.

    >>> "minimbert-controlled" in bundled_encoders()
    True
    """
    return tuple(sorted(file.parent.name for file in _FOLDER.glob("*/config.json")))


def bundled_folder(name: str) -> Path | None:
    """Return the folder of an encoder that comes with layerlab, or None if ``name`` is none of them."""
    return _FOLDER / name if name in bundled_encoders() else None
