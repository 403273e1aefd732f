"""What ``layerlab pretrain`` shows on standard error: a bar on a terminal, timed lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from layerlab.study.progress import format_seconds

if TYPE_CHECKING:
    from layerlab.pretraining.mlm import Progress as Told


class PretrainingDisplay:
    """Shows how a pretraining goes; a context manager that is called after every step.

    Args:
        line_seconds: Time between two lines where there is no terminal, in seconds.
    """

    def __init__(self, line_seconds: float) -> None:
        self._line_seconds = line_seconds
        self._console = Console(file=sys.stderr)
        self._started, self._shown = time.monotonic(), float("-inf")
        self._losses: list[float] = []
        self._bar: Progress | None = None
        if self._console.is_terminal:
            columns = BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}")
            self._bar = Progress(*columns, TimeRemainingColumn(), console=self._console)

    def __enter__(self) -> PretrainingDisplay:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, told: Told) -> None:
        """Show a step, or what is being prepared."""
        if told.message:
            self._say(told.message)
            return
        self._losses.append(told.loss)
        now = time.monotonic()
        if self._bar is not None:
            self._draw(self._bar, told)
        elif now - self._shown >= self._line_seconds or told.step == told.steps or told.seconds_left == 0:
            self._say(f"step {told.step:,}/{told.steps:,}, {self._describe(told)}{_left(told)}")
            self._shown, self._losses = now, []
        if told.held_out:
            self._say(f"step {told.step:,}, held-out loss {describe_losses(told.held_out)}")
        if told.probed:
            from layerlab.pretraining.probes import summary

            self._say(f"step {told.step:,}, probes {summary(told.probed)}")

    def _draw(self, bar: Progress, told: Told) -> None:
        if not bar.tasks:
            bar.add_task("", total=told.steps, completed=told.resumed_at)
        bar.update(bar.tasks[0].id, completed=told.step, description=self._describe(told))
        self._losses = self._losses[-100:]

    def _describe(self, told: Told) -> str:
        mean = sum(self._losses) / len(self._losses)
        return (
            f"loss {mean:.3f}, {told.tokens_per_second:,.0f} tokens/s "
            f"({told.utilisation:.0%} of the matmul rate)"
        )

    def _say(self, text: str) -> None:
        elapsed = format_seconds(time.monotonic() - self._started)
        self._console.print(f"[{elapsed}] {text}", highlight=False, soft_wrap=True, markup=False)


def describe_losses(losses: Mapping[str, float]) -> str:
    """Return losses by language with their exponentials, perplexities of masked tokens.

    >>> describe_losses({"en": 4.0, "tr": 5.0})
    'en 4.00 (e^ 54.6), tr 5.00 (e^ 148.4)'
    """
    return ", ".join(f"{language} {loss:.2f} (e^ {math.exp(loss):.1f})" for language, loss in losses.items())


def _left(told: Told) -> str:
    return f", about {format_seconds(told.seconds_left)} left" if told.seconds_left else ""
