"""Engines carry out units of work; results go to the store, never through the engine."""
