"""Records as a store's nodes leave them on disk: their schema, their files, and whether these are whole."""

from layerlab.analysis.stored.record import Record, ScoreRow

__all__ = ["Record", "ScoreRow"]
