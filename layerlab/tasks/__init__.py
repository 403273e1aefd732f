"""Tasks: labels, encoding, heads, decoding and metrics."""
