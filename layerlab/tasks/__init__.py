"""Tasks: labels, encoding, heads, decoding and metrics."""

from layerlab.tasks import pairs, parsing, tagging

__all__ = ["pairs", "parsing", "tagging"]  # which register their tasks
