"""How figures and tables look, and the words that they use."""
