"""From the events of a node to what trackers show: curves, receipts, scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from layerlab.tracking.tracked import Tracked
from layerlab.training.events import Event

#: Points of a curve of losses at most: each is the mean over the steps since the one before.
MOST_POINTS: Final = 200


class Curves:
    """Takes the events of a fit, and of the runs that evaluate it, to its tracker run.

    The run is opened when there is something to show, by when the step is known that a fit goes on from.

    Args:
        open_run: Opens the tracker run; gets the first step that is still to come.
    """

    def __init__(self, open_run: Callable[[int], Tracked]) -> None:
        self._open_run = open_run
        self._tracked: Tracked | None = None
        self._waiting: list[Event] = []
        self._losses: list[float] = []
        self._n_texts: dict[str, int] = {}

    def report(self, event: Event) -> None:
        """Take an event; one that no tracker shows is passed over."""
        kind = event.get("event")
        if kind == "step":
            self._take_step(event)
        elif kind == "epoch":
            losses = {"train/loss_of_epoch": float(event["loss"])}
            self._at(event).numbers(losses | _flat("dev", event["dev"]), event["step"])
            for language, scores in event.get("dev_by_language", {}).items():
                self._at(event).numbers(_flat(f"dev/{language}", scores), event["step"])
        elif kind == "point":
            for target, scores in event["test"].items():
                values = {metric: value for metric, (value, _) in scores.items()}
                self._at(event).numbers(_flat(f"trajectory/{target}", values), event["step"])
        elif kind == "receipts" and event["when"] == "before" and self._tracked is None:
            self._waiting.append(event)  # a fit that goes on has shown them
        elif kind == "receipts":
            self._show_receipts(self._at(event), event)
        elif kind == "scores":
            self._show_scores(event)

    def close(self) -> None:
        """Close the tracker run, if it was opened."""
        if self._tracked is not None:
            self._tracked.close()
            self._tracked = None

    def _at(self, event: Event) -> Tracked:
        """Return the open run; a fit's is opened at its first step, where its receipts go first."""
        if self._tracked is None:
            resumed_at = int(event.get("from", 0))
            self._tracked = self._open_run(resumed_at + 1 if "from" in event else 0)
            for one in self._waiting if resumed_at == 0 else ():
                self._show_receipts(self._tracked, one)
            self._waiting.clear()
        return self._tracked

    def _take_step(self, event: Event) -> None:
        step, steps = int(event["step"]), int(event["steps"])
        self._losses.append(float(event["loss"]))
        tracked = self._at(event)
        if step % -(-steps // MOST_POINTS) == 0 or step == steps:
            tracked.numbers({"train/loss": sum(self._losses) / len(self._losses)}, step)
            self._losses.clear()

    def _show_receipts(self, tracked: Tracked, event: Event) -> None:
        for receipt in event["receipts"]:
            name = f"receipts/{event['when']}"
            number = self._n_texts[name] = self._n_texts.get(name, -1) + 1
            tracked.text(f"{name}/{number}", describe_receipt(receipt))

    def _show_scores(self, event: Event) -> None:
        tracked = self._at(event)
        for target, metric, value in event["scores"]:
            if value is not None:
                tracked.numbers({f"final/{event['ablation']}/{target}/{metric}": float(value)})
        after = {**event, "when": f"after/{event['ablation']}"}
        self._show_receipts(tracked, after)


def describe_receipt(receipt: Mapping[str, Any]) -> str:
    """Return a receipt as Markdown: what was done, how much it touched, and the digests of the weights.

    >>> print(describe_receipt({"intervention": {"reset": {"layers": "0"}}, "parameters": ["a", "b"],
    ...     "n_values": 1200, "n_changed": 2, "digest_before": "1f", "digest_after": "2e"}))
    `{"reset": {"layers": "0"}}`: 2 of 2 parameters changed, 1,200 values; digest 1f before, 2e after
    """
    at = f" before step {receipt['step']}" if "step" in receipt else ""
    n_parameters = len(receipt["parameters"])
    return (
        f"`{json.dumps(receipt['intervention'])}`{at}: {receipt['n_changed']} of {n_parameters} "
        f"parameters changed, {receipt['n_values']:,} values; digest {receipt['digest_before']} before, "
        f"{receipt['digest_after']} after"
    )


def _flat(prefix: str, scores: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}/{metric}": float(value) for metric, value in scores.items()}
