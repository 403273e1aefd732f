"""How fast this machine multiplies large matrices: ``python -m layerlab.bench.programs.rate [THREADS]``.

Prints one JSON object: operations a second in fp32, on the GPU if there is one; threads; device.
"""

from __future__ import annotations

import json
import statistics
import sys
from typing import Any

import torch

from layerlab.training.throughput import measure_rates

REPEATS = 5


def measure(threads: int | None = None) -> dict[str, Any]:
    """Return the median rate of some short measures."""
    if threads is not None:
        torch.set_num_threads(threads)
    on_gpu = torch.cuda.is_available()
    probe = torch.nn.Linear(256, 256).to("cuda" if on_gpu else "cpu")
    found: dict[str, Any] = {
        "rate": statistics.median(measure_rates(probe, 256)[0] for _ in range(REPEATS)),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if on_gpu else "CPU",
        "capability": torch.backends.cpu.get_cpu_capability(),
    }
    if on_gpu:
        found["rate_bf16"] = statistics.median(
            measure_rates(probe, 256, torch.bfloat16)[0] for _ in range(REPEATS)
        )
    return found


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else None)))
