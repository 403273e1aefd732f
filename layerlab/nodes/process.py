"""What a process does before and while it works on nodes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Final

from layerlab.nodes.kept import ROOM
from layerlab.nodes.settings import WorkSettings

POLL_SECONDS = 0.5
_PR_SET_PDEATHSIG: Final = 1  # of <sys/prctl.h>


def prepare_process(settings: WorkSettings) -> None:
    """Set the threads of this process and keep transformers quiet, before models are loaded."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    quieten_transformers()
    if settings.threads is not None:
        import torch

        torch.set_num_threads(settings.threads)


def quieten_transformers() -> None:
    """Show errors of transformers only: no bars for loading weights, no reports of unused heads."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def resident_bytes() -> int:
    """Return the bytes of this process in memory now; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def room_for_fits(device: str) -> int:
    """Return how many bytes of fits a worker may keep: 2 GiB, on a GPU a quarter of its memory if more.

    Args:
        device: ``auto`` or ``cpu``.
    """
    from layerlab.training.devices import has_gpu

    if not has_gpu(device):
        return ROOM
    import torch

    return max(ROOM, int(torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory) // 4)


def die_with_parent(parent: int, *, at_once: bool = False) -> None:
    """End this process soon after its parent is gone, so that a killed runner leaves no worker behind.

    Args:
        parent: The parent's process id.
        at_once: Let the kernel do it, where it can. To be asked for only where the parent's main thread
            started this process: it would end with another thread, too.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(3)

    if at_once and sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=watch, daemon=True).start()
