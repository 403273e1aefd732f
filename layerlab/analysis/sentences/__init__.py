"""Counts of test sentences: how they are shipped, and intervals that take them into account."""
