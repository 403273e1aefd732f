"""Tidy records and what is computed from them; needs neither torch nor transformers."""
