"""From sentences and pairs of them to inputs of an encoder."""
