"""Checkpoints as they are stored: by name, as folders, and what is known of them; no weights are loaded."""
