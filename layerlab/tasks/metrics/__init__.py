"""Metrics as pure functions on gold and predicted values, and the counts that they are made of."""

from __future__ import annotations

from layerlab.tasks.metrics.attachment import attachment_scores
from layerlab.tasks.metrics.score import Score
from layerlab.tasks.metrics.spans import span_scores, word_accuracy

__all__ = ["Score", "attachment_scores", "span_scores", "word_accuracy"]
