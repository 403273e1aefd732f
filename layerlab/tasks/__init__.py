"""Tasks: labels, encoding, heads, decoding and metrics."""

from layerlab.tasks import classification, parsing, tagging

__all__ = ["classification", "parsing", "tagging"]  # which register their tasks
