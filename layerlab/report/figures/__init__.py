"""Figures of a study, made from records alone."""
