"""``python -m layerlab.pretraining SPEC.yaml FOLDER``: pretrain, with a status line every so often."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from layerlab.errors import LayerlabError

if TYPE_CHECKING:
    from layerlab.pretraining.mlm import Progress


class StatusLines:
    """Prints a line every ``every`` seconds, and one for each held-out measurement."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._printed = float("-inf")
        self._losses: list[float] = []

    def __call__(self, told: Progress) -> None:
        """Print what there is to say about a step."""
        stamp = time.strftime("%H:%M:%S")
        if told.message:
            print(f"{stamp} {told.message}", flush=True)
            return
        self._losses.append(told.loss)
        now = time.monotonic()
        if now - self._printed >= self._every or told.step == told.steps:
            mean = sum(self._losses) / len(self._losses)
            print(
                f"{stamp} step {told.step}/{told.steps} loss {mean:.3f} (mean of {len(self._losses)}) "
                f"{told.tokens_per_second:,.0f} tokens/s, {told.seconds_left / 60:.1f} min left",
                flush=True,
            )
            self._printed, self._losses = now, []
        if told.held_out:
            each = " ".join(f"{language} {loss:.2f}" for language, loss in told.held_out.items())
            print(f"{stamp} step {told.step} held-out {each}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m layerlab.pretraining", description=__doc__)
    parser.add_argument("spec", type=Path, help="the spec, YAML")
    parser.add_argument("folder", type=Path, help="where the encoder goes; resumes what it finds there")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument(
        "--stop-after", type=int, help="write the model after this many steps of the schedule"
    )
    parser.add_argument("--checkpoint-seconds", type=float, default=60, help="time between checkpoints")
    parser.add_argument("--status-seconds", type=float, default=30, help="time between status lines")
    given = parser.parse_args(arguments)

    from layerlab.pretraining.mlm import pretrain
    from layerlab.pretraining.spec import read_spec

    try:
        folder = pretrain(
            read_spec(given.spec),
            given.folder,
            checkpoint_seconds=given.checkpoint_seconds,
            progress=StatusLines(given.status_seconds),
            threads=given.threads,
            stop_after=given.stop_after,
        )
    except LayerlabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"written: {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
