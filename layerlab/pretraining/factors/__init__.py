"""What a pretraining may do beside masked LM on running text: one file a factor."""

from layerlab.pretraining.factors import anchors, parallel, positions, separate, vocabulary  # noqa: F401
