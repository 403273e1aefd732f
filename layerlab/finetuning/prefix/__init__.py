"""Layers that several trainings or evaluations share, whose states are computed once."""
