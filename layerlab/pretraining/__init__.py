"""Masked-LM pretraining of small multilingual encoders from a spec."""
