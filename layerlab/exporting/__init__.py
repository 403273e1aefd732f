"""Fits as plain Hugging Face models, for those who do not have layerlab."""
