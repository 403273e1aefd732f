"""What every test runs under, and the plugins with the fixtures."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
# Exact comparisons hold on one thread; and test processes side by side should not fight for cores.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "LAYERLAB_CACHE" not in os.environ:  # tests leave nothing in a user's cache
    os.environ["LAYERLAB_CACHE"] = tempfile.mkdtemp(prefix="layerlab-cache-")
    atexit.register(shutil.rmtree, os.environ["LAYERLAB_CACHE"], ignore_errors=True)

pytest_plugins = [
    f"tests.fixtures.{name}"
    for name in (
        "treebanks",
        "alignment",
        "by_language",
        "command_line",
        "disks",
        "encoders",
        "fits",
        "forks",
        "overlaps",
        "pretrainings",
        "records",
        "rows",
        "scorers",
        "slurm",
        "studies",
        "texts",
        "tokenizers",
        "weights",
    )
]


def pytest_collection_finish() -> None:
    """Keep garbage collection from looking again and again through all that was imported.

    It would take a fifteenth of the time of the tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
