"""Ctrl-C between two steps, so that what is left behind is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Take a signal: the first one is remembered, the second one interrupts at once."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def deferred_interrupt(enabled: bool = True) -> Iterator[Interruption]:
    """Yield an object that says whether Ctrl-C was pressed; the block itself is not interrupted.

    Only the main thread gets signals; in others, and where Ctrl-C is ignored, nothing changes.

    Args:
        enabled: Off for processes that share their steps: one that stopped alone would let others wait.
    """
    interruption = Interruption()
    usual = signal.getsignal(signal.SIGINT)
    if not enabled or threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield interruption
        return
    signal.signal(signal.SIGINT, interruption)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, usual)
