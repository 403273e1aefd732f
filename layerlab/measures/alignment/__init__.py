"""Alignment of encoders that were trained independently: linear maps, and what they carry."""
