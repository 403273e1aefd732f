"""Real text made artificial: other word order, other script, words of its own; every way can be undone."""
