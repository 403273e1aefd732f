"""What a process does before and while it works on nodes."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from layerlab.nodes.kept import ROOM
from layerlab.nodes.settings import WorkSettings

POLL_SECONDS = 0.5


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


def die_with_parent(parent: int) -> None:
    """End this process soon after its parent is gone, so that a killed runner leaves no worker behind."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(3)

    threading.Thread(target=watch, daemon=True).start()
