"""What ``layerlab pretrain`` shows on standard error: a bar on a terminal, timed lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from layerlab.names import visible
from layerlab.study.progress import format_seconds
from layerlab.training.events import Event


class PretrainingDisplay:
    """Shows how a pretraining goes; a context manager that takes events.

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

    def __call__(self, event: Event) -> None:
        """Show what an event says."""
        kind = event["event"]
        if kind == "preparing":
            self._say(event["message"])
        elif kind == "step":
            self._show_step(event)
        elif kind == "held-out":
            self._say(f"step {event['step']:,}, held-out loss {describe_losses(event['loss'])}")
        elif kind == "probe":
            self._say(f"step {event['step']:,}, probes {describe_means(event['means'])}")

    def _show_step(self, event: Event) -> None:
        self._losses.append(event["loss"])
        step, steps, left = event["step"], event["steps"], event["seconds_left"]
        now = time.monotonic()
        if self._bar is not None:
            if not self._bar.tasks:
                self._bar.add_task("", total=steps, completed=event["from"])
            self._bar.update(self._bar.tasks[0].id, completed=step, description=self._describe(event))
            self._losses = self._losses[-100:]
        elif now - self._shown >= self._line_seconds or step == steps or left == 0:
            remaining = f", about {format_seconds(left)} left" if left else ""
            self._say(f"step {step:,}/{steps:,}, {self._describe(event)}{remaining}")
            self._shown, self._losses = now, []

    def _describe(self, event: Event) -> str:
        mean = sum(self._losses) / len(self._losses)
        return (
            f"loss {mean:.3f}, {event['tokens_per_second']:,.0f} tokens/s "
            f"({event['utilisation']:.0%} of the matmul rate)"
        )

    def _say(self, text: str) -> None:
        elapsed = format_seconds(time.monotonic() - self._started)
        self._console.print(visible(f"[{elapsed}] {text}"), highlight=False, soft_wrap=True, markup=False)


def describe_losses(losses: Mapping[str, float]) -> str:
    """Return losses by language with their exponentials, perplexities of masked tokens.

    >>> describe_losses({"en": 4.0, "tr": 5.0})
    'en 4.00 (e^ 54.6), tr 5.00 (e^ 148.4)'
    """
    return ", ".join(f"{language} {loss:.2f} (e^ {math.exp(loss):.1f})" for language, loss in losses.items())


def describe_means(means: Mapping[str, Sequence[float | None]]) -> str:
    """Return in one line after how many layers each measure is highest.

    >>> describe_means({"cka": [0.1, 0.3], "retrieval": [None, None]})
    'cka 0.300 after 1 layers'
    """
    highest = {}
    for measure, values in means.items():
        known = [(value, -layer) for layer, value in enumerate(values) if value is not None]
        if known:
            highest[measure] = max(known)
    return ", ".join(f"{name} {value:.3f} after {-layer} layers" for name, (value, layer) in highest.items())
