"""Which effects are more than chance: tests, intervals and sizes, over seeds."""

from layerlab.analysis.significance.effects import significance

__all__ = ["significance"]
