"""Figures of transfer: from every source to every target, and what the gap goes with."""
