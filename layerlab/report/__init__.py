"""Figures and tables made from tidy records; needs neither torch nor transformers."""
