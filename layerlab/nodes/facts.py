"""What every node notes of how it was computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from layerlab.nodes.environment import describe_environment


class Facts(BaseModel):
    """Cost, hardware and versions of a node; a kind adds fields of its own.

    Attributes:
        seconds: Wall time of the process that completed it, in seconds.
        device: Name of the GPU, or ``CPU``.
        threads: CPU threads of PyTorch.
        python: Version of Python.
        versions: Version by package.
        git_commit: Commit of the checkout that layerlab ran from; None for an installed package.
        shortcuts: Which fast paths were taken and what they did, or why they were refused.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    seconds: float
    device: str
    threads: int
    python: str
    versions: Mapping[str, str | None]
    git_commit: str | None
    shortcuts: Mapping[str, str] = Field(default_factory=dict)

    @classmethod
    def gather(cls, on: str, seconds: float, **fields: Any) -> Self:
        """Return the facts of a node that was just computed.

        Args:
            on: ``auto`` or ``cpu``, as the settings say.
            seconds: Wall time.
            **fields: What the kind adds.
        """
        return cls(seconds=round(seconds, 3), **fields, **describe_environment(on))
