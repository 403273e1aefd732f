"""Curves over the layers: how alike languages are, what fine-tuning changed, where a task can be read."""
