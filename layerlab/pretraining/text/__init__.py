"""Running text, tokenizers and packed sequences."""
