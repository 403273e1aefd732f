"""How many positions an encoder has for word-pieces."""

from __future__ import annotations

from typing import Any

# They count positions from the padding id on.
_COUNT_FROM_PADDING = frozenset({"roberta", "xlm-roberta", "camembert"})


def n_positions(config: Any) -> int | None:
    """Return how many word-pieces a model reads at once, special tokens included; None if it has no limit.

    Args:
        config: A transformers configuration.
    """
    positions = getattr(config, "max_position_embeddings", None)
    if not positions:
        return None
    offset = (config.pad_token_id or 0) + 1 if config.model_type in _COUNT_FROM_PADDING else 0
    return int(positions) - offset
