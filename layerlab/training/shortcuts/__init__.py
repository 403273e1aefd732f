"""Shortcuts: fast paths that give the numbers of the plain way."""
