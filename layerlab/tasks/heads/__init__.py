"""Heads that are more than a linear layer, and the decoding of their scores."""
