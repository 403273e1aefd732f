"""Figures of what ablations do to scores."""
