"""How work is done, in ways that change no number."""

from __future__ import annotations

from dataclasses import dataclass

from layerlab.training.shortcuts.shortcut import SHORTCUTS, Taken


@dataclass(frozen=True)
class WorkSettings:
    """What changes no number and stands in no identity.

    Attributes:
        checkpoint_seconds: Time between checkpoints of a fit.
        device: ``auto`` or ``cpu``.
        threads: CPU threads; None leaves PyTorch's choice.
        shortcuts: Names of the fast paths that are switched on.
        cohorts_on_cpu: Whether fits are trained together on a CPU too, where it takes longer; for tests.
        processes: Processes that share each fit, see :mod:`layerlab.nodes.launching`.
        mirror: URL of the object store that hosts share the results through; "" for none.
        grace_seconds: How long work that is stopped may take to leave a checkpoint.
    """

    checkpoint_seconds: float = 60.0
    device: str = "auto"
    threads: int | None = None
    shortcuts: tuple[str, ...] = tuple(SHORTCUTS)
    cohorts_on_cpu: bool = False
    processes: int = 1
    mirror: str = ""
    grace_seconds: float = 10.0

    def to_words(self) -> tuple[str, ...]:
        """Return the device, the time between checkpoints and the shortcuts as options of a command."""
        return (
            *("--device", self.device),
            *("--checkpoint-seconds", str(self.checkpoint_seconds)),
            *("--shortcuts", ",".join(self.shortcuts) or "none"),
        )

    def taken(self) -> Taken:
        """Return what notes the shortcuts of one node."""
        return Taken(tuple(self.shortcuts))
