"""Readers of files: treebanks, entity tags, pairs, parallel sentences."""
