"""What one tracker does for one tracker run, through accelerate's trackers.

A tracker run has a name, settings, curves, texts and images. Where trackers differ, accelerate's class of one
is asked for what it wraps.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from layerlab.tracking.choice import Tracker

Plain = str | int | float | bool
#: The tag by which MLflow finds a run again.
_TAG: Final = "layerlab.id"
#: What names of metrics may not hold there.
_REFUSED: Final = re.compile(r"[^\w\-. :/]")


@dataclass(frozen=True)
class TrackerRun:
    """One run as trackers know it.

    Attributes:
        study: Name of the study, which is the project or experiment.
        id: Finds the run again, such as the id of a fit.
        name: For readers; no two runs of a study share one.
        settings: What it was made with, flat.
    """

    study: str
    id: str
    name: str
    settings: Mapping[str, Plain] = field(default_factory=dict)


class Backend(Protocol):
    """A run that is open at one tracker."""

    def numbers(self, values: Mapping[str, float], step: int | None) -> None:
        """Add points to curves; without a step, values that stand for the whole run."""

    def text(self, name: str, text: str) -> None:
        """Put a text (Markdown) under a name, in the place of an earlier one."""

    def image(self, name: str, file: Path) -> None:
        """Put a PNG file under a name."""

    def close(self) -> None:
        """Close the run; it can be opened again."""


#: Opens a run: the run, the folder for what lies on this disk, and the first step that is still to come.
Open = Callable[[TrackerRun, Path, int], Backend]


class TensorBoard:
    """Event files in a folder of the run's name."""

    def __init__(self, run: TrackerRun, folder: Path, next_step: int) -> None:
        """Open the run; points of steps that are taken again take the place of the earlier ones."""
        from accelerate.tracking import TensorBoardTracker

        self._tracker = TensorBoardTracker(
            run.name, logging_dir=folder / "tensorboard", purge_step=next_step or None
        )
        self._tracker.start()
        if run.settings:
            # accelerate would make a run of its own for the settings, each time that one is opened.
            writer = self._tracker.tracker
            writer.add_hparams(dict(run.settings), {}, run_name=".")
            writer.add_text(
                "settings", "\n".join(f"    {key}: {value}" for key, value in run.settings.items())
            )

    def numbers(self, values: Mapping[str, float], step: int | None) -> None:
        """Add points; those without a step are at 0, which no resumed run takes back."""
        self._tracker.log(dict(values), step=step or 0)

    def text(self, name: str, text: str) -> None:
        """Add a text."""
        self._tracker.log({name: text}, step=0)

    def image(self, name: str, file: Path) -> None:
        """Add an image."""
        self._tracker.log_images({name: _pixels(file)[None]}, step=0, dataformats="NHWC")

    def close(self) -> None:
        """Close the event file."""
        self._tracker.finish()


class WandB:
    """A run of Weights & Biases; ``WANDB_MODE=offline`` keeps it on this disk."""

    def __init__(self, run: TrackerRun, folder: Path, next_step: int) -> None:
        """Open the run, or go on with it."""
        from accelerate.tracking import WandBTracker

        folder.mkdir(parents=True, exist_ok=True)
        self._tracker = WandBTracker(
            run.study,
            name=run.name,
            id=run.id,
            resume="allow",
            reinit="create_new",  # fits of a cohort are open beside each other
            dir=str(folder),
            config=dict(run.settings),
        )
        self._tracker.start()

    def numbers(self, values: Mapping[str, float], step: int | None) -> None:
        """Add points, or values to the summary."""
        if step is None:
            self._tracker.tracker.summary.update(dict(values))
        else:
            self._tracker.log(dict(values), step=step)

    def text(self, name: str, text: str) -> None:
        """Put a text into the summary."""
        self._tracker.tracker.summary.update({name: text})

    def image(self, name: str, file: Path) -> None:
        """Add an image."""
        self._tracker.log_images({name: [_pixels(file)]})

    def close(self) -> None:
        """Finish the run."""
        self._tracker.finish()


class MLflow:
    """A run of MLflow: at ``MLFLOW_TRACKING_URI``, or in a database on this disk."""

    def __init__(self, run: TrackerRun, folder: Path, next_step: int) -> None:
        """Open the run, or go on with the one that has its id as a tag."""
        import mlflow
        from accelerate.tracking import MLflowTracker

        place = None
        if "MLFLOW_TRACKING_URI" not in os.environ:
            place = folder.resolve() / "mlflow"
            place.mkdir(parents=True, exist_ok=True)
            mlflow.set_tracking_uri(f"sqlite:///{place / 'mlflow.db'}")
        self._mlflow = mlflow
        mlflow.end_run()  # one is active at a time
        found = mlflow.search_runs(
            experiment_names=[run.study],
            filter_string=f"tags.`{_TAG}` = '{run.id}'",
            output_format="list",
            max_results=1,
        )
        self._tracker = MLflowTracker(
            run.study,
            logging_dir=None if place is None else (place / "artifacts").as_uri(),
            run_id=found[0].info.run_id if found else None,
            run_name=run.name,
            tags={_TAG: run.id},
        )
        self._tracker.start()
        self._id = self._tracker.tracker.info.run_id
        if run.settings:
            self._tracker.store_init_configuration(dict(run.settings))

    def numbers(self, values: Mapping[str, float], step: int | None) -> None:
        """Add points."""
        self._activate()
        self._tracker.log({_REFUSED.sub("_", name): value for name, value in values.items()}, step=step)

    def text(self, name: str, text: str) -> None:
        """Write a text among the artifacts."""
        self._activate()
        self._mlflow.log_text(text, f"{name}.md")

    def image(self, name: str, file: Path) -> None:
        """Put the file among the artifacts."""
        self._activate()
        self._tracker.log_artifact(str(file), artifact_path=name.rpartition("/")[0] or None)

    def close(self) -> None:
        """End the run."""
        self._activate()
        self._tracker.finish()

    def _activate(self) -> None:
        """Make this run the active one: fits of a cohort are open beside each other."""
        active = self._mlflow.active_run()
        if active is None or active.info.run_id != self._id:
            self._mlflow.end_run()
            self._mlflow.start_run(run_id=self._id)


#: How a run is opened, by tracker.
OPEN: Final[Mapping[Tracker, Open]] = {"tensorboard": TensorBoard, "wandb": WandB, "mlflow": MLflow}


def _pixels(file: Path) -> Any:
    """Return a PNG file as an array ``(height, width, channels)`` of bytes."""
    from matplotlib.image import imread

    return (imread(file)[..., :3] * 255).round().astype("uint8")
