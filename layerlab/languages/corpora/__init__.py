"""How it is written down: generated sentences as treebanks, tables, text and inference pairs."""
