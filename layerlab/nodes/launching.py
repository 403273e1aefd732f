"""Several processes that share each fit, started for a worker's unit: torchrun, as a user would start it.

The process that :func:`run_launched` starts runs this module: it ends with its parent, and with it the
processes that share the fit.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from layerlab.errors import StoreError
from layerlab.nodes.process import die_with_parent
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.processes import search_path


def run_launched(root: Path, node_ids: Sequence[str], settings: WorkSettings) -> bool:
    """Carry out nodes in several processes that share each fit.

    If one of them dies, the others are ended, and the node that they were at has failed.

    Args:
        root: The results directory.
        node_ids: Which ones, in order.
        settings: Say how many processes.

    Returns:
        Whether all nodes are complete at the end.

    Raises:
        KeyboardInterrupt: Somebody stopped it; the last checkpoint is there, none is written for it.
    """
    store, command = Store(root), _command(root, node_ids, settings)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(search_path()))
    if settings.device == "cpu":
        environment["ACCELERATE_USE_CPU"] = "true"
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    try:
        status = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    left = [one for one in node_ids if not store.is_complete(one)]
    if left and not any(store.read_failure(one) for one in left):
        said = f"one of {settings.processes} processes that share the fit died (exit status {status})"
        store.write_failure(left[0], left[0], StoreError(said), said)
    return not left


def _command(root: Path, node_ids: Sequence[str], settings: WorkSettings) -> list[str]:
    """Return the command that starts the processes."""
    launch = [sys.executable, "-P", "-m", "layerlab.nodes.launching", str(os.getpid())]
    torchrun = ["--standalone", "--nproc-per-node", str(settings.processes), "--module", "layerlab"]
    threads = [] if settings.threads is None else ["--threads", str(settings.threads)]
    return [*launch, *torchrun, "run-one", str(root), *node_ids, *settings.to_words(), *threads]


def main() -> None:
    """Run torchrun for as long as the process lives whose id is the first argument."""
    from torch.distributed.run import main as torchrun

    die_with_parent(int(sys.argv[1]))
    torchrun(sys.argv[2:])


if __name__ == "__main__":
    main()
