"""Corpora: readers, the Hub, and the catalogue that finds a corpus for a task and a language."""
