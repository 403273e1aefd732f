"""What the engine on Ray may be given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ByteSize, ConfigDict, Field


class RayOptions(BaseModel):
    """Where a Ray cluster is, and what a worker takes of it.

    Attributes:
        address: Of a cluster that runs: ``auto``, ``HOST:6379`` or ``ray://HOST:10001``. Without it, that of
            the environment variable ``RAY_ADDRESS``; without either, a cluster on this machine is started
            and ended.
        cores: CPU cores of a worker, which computes with as many threads; of each of its processes where
            several share a fit.
        gpus: GPUs of a worker; 0.25 for four workers on one. By default one a process where the cluster has
            any.
        memory: Bytes of a worker, such as ``8GB``. By default what the plan estimates for its unit.
        resources: Further resources of Ray's that a worker takes, such as ``accelerator_type:A100: 0.001``.
        environment: Environment variables of workers, such as ``HF_HOME``.
        patience: Seconds that a cluster which went away may take to come back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str | None = None
    cores: Annotated[int, Field(ge=1)] = 1
    gpus: Annotated[float, Field(ge=0)] | None = None
    memory: ByteSize | None = None
    resources: Mapping[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    environment: Mapping[str, str] = Field(default_factory=dict)
    patience: Annotated[float, Field(ge=0)] = 120.0
