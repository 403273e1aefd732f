"""What a pretraining may do beside masked LM on running text: one file a factor."""

from layerlab.pretraining.factors import anchors, parallel, vocabulary  # noqa: F401 - they register themselves
