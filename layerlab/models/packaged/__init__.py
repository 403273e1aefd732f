"""Encoders that other Python packages carry, made into plain checkpoints once."""
