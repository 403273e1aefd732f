"""transformers without its warnings and progress bars."""

from __future__ import annotations

import logging as levels
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' warnings and its progress bar for a while; the bars of downloads stay."""
    from huggingface_hub.utils import logging as hub_logging
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    hub_verbosity = hub_logging.get_verbosity()
    _set_verbosity(hub_logging, levels.ERROR)
    downloads = not are_progress_bars_disabled()
    _set_verbosity(logging, levels.ERROR)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # switches those of downloads off too
    if downloads:
        enable_progress_bars()
    try:
        yield
    finally:
        _set_verbosity(logging, verbosity)
        _set_verbosity(hub_logging, hub_verbosity)
        if bar:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
        if not downloads:
            disable_progress_bars()


def _set_verbosity(logging: Any, level: int) -> None:
    """Set the level of a library unless it has it: to set one empties the caches of all loggers."""
    if logging.get_verbosity() != level:
        logging.set_verbosity(level)
