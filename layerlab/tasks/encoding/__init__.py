"""From sentences and pairs of them to inputs of an encoder."""

from layerlab.models.pieces import tokenize

__all__ = ["tokenize"]
