"""Readers of data sets: those of the Hugging Face Hub, and folders in its formats."""
