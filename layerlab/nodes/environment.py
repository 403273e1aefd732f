"""Where a node was computed: versions, hardware, commit."""

from __future__ import annotations

import functools
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("layerlab", "torch", "transformers", "tokenizers", "accelerate", "datasets", "numpy")


def describe_environment(device: str) -> dict[str, Any]:
    """Return versions, hardware and the git commit, for a node's record.

    Args:
        device: ``auto`` or ``cpu``, as the work was told.
    """
    import torch

    on_gpu = device != "cpu" and torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if on_gpu else f"CPU ({platform.machine()})",
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "git_commit": git_commit(),
    }


@functools.cache
def git_commit() -> str | None:
    """Return the commit of the checkout that layerlab runs from; None for an installed package."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@functools.cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
