"""Encoders: where an architecture keeps its layers, and how layers are selected."""
