"""Checkpoints with parts of their own for each language, loaded by language."""
