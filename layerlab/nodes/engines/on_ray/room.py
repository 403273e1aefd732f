"""How many workers the hosts of a Ray cluster have room for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from layerlab.nodes.engines.on_ray.options import RayOptions

_SLACK = 1e-6  # quarters of a GPU do not add up to one exactly


def gpus_of(
    options: RayOptions, nodes: Iterable[Mapping[str, Any]], device: str, processes: int = 1
) -> float:
    """Return the GPUs of a worker: as asked for, else one a process where there are any to be used.

    Args:
        options: What a worker takes.
        nodes: Hosts as ``ray.nodes()`` lists them.
        device: ``auto`` or ``cpu``.
        processes: Processes of a worker, which share each fit.
    """
    if device == "cpu":
        return 0.0
    if options.gpus is not None:
        return options.gpus
    there = any(node["Alive"] and node["Resources"].get("GPU", 0) >= 1 for node in nodes)
    return float(processes) if there else 0.0


def room_for(options: RayOptions, gpus: float, nodes: Iterable[Mapping[str, Any]]) -> int:
    """Return how many workers there is room for on the hosts that are alive.

    >>> hosts = [{"Alive": True, "Resources": {"CPU": 6.0, "GPU": 1.0}}, {"Alive": False, "Resources": {}}]
    >>> room_for(RayOptions(cores=2), 0.0, hosts), room_for(RayOptions(), 0.25, hosts)
    (3, 4)
    """
    wanted = {"CPU": float(options.cores), "GPU": gpus, **options.resources}
    if options.memory is not None:
        wanted["memory"] = float(options.memory)
    wanted = {name: amount for name, amount in wanted.items() if amount}
    return sum(_fit(wanted, node["Resources"]) for node in nodes if node["Alive"])


def _fit(wanted: Mapping[str, float], there: Mapping[str, float]) -> int:
    return min(int(there.get(name, 0.0) / amount + _SLACK) for name, amount in wanted.items())


def largest_memory(nodes: Iterable[Mapping[str, Any]]) -> int:
    """Return the memory of the largest host that is alive, in bytes, as far as Ray gives it to workers.

    >>> largest_memory([{"Alive": True, "Resources": {"memory": 8e9}}, {"Alive": True, "Resources": {}}])
    8000000000
    """
    return max((int(node["Resources"].get("memory", 0)) for node in nodes if node["Alive"]), default=0)


def describe_hosts(nodes: Iterable[Mapping[str, Any]]) -> str:
    """Say what each host that is alive has.

    >>> there = {"CPU": 4.0, "memory": 8e9}
    >>> describe_hosts([{"Alive": True, "NodeManagerHostname": "a", "Resources": there}])
    'a: 4 CPU, 0 GPU, 8.0 GB memory'
    """
    hosts = [(node["NodeManagerHostname"], node["Resources"]) for node in nodes if node["Alive"]]
    described = (
        f"{name}: {there.get('CPU', 0):g} CPU, {there.get('GPU', 0):g} GPU, "
        f"{there.get('memory', 0) / 1e9:.1f} GB memory"
        for name, there in hosts
    )
    return "; ".join(described) or "none"
