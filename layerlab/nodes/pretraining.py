"""Pretrainings as nodes: an identity of spec and content, a job, and how it is carried out."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlab.errors import DataError
from layerlab.models.checkpoints import Checkpoint
from layerlab.nodes.identity import digest
from layerlab.pretraining.identity import identity_of_pretraining
from layerlab.pretraining.spec import PretrainingSpec, read_spec, with_paths
from layerlab.training.events import Event, Report, silent

if TYPE_CHECKING:
    from layerlab.nodes.settings import WorkSettings
    from layerlab.nodes.store.store import Store


@dataclass(frozen=True)
class PretrainingJob:
    """One pretraining to be done.

    Attributes:
        spec: What to pretrain; its paths hold in any directory.
        identity: Everything that determines the encoder, texts replaced by digests of their content.
    """

    spec: PretrainingSpec
    identity: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The pretraining's identity: 12 hexadecimal digits."""
        return digest({"kind": "pretraining", **self.identity})

    def title(self) -> str:
        """One line for progress and messages."""
        return f"pretraining {self.spec.name}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a job file."""
        return {
            "kind": "pretraining",
            "id": self.id,
            "spec": self.spec.model_dump(mode="json"),
            "identity": dict(self.identity),
        }

    @classmethod
    def from_dict(cls, job: Mapping[str, Any]) -> PretrainingJob:
        """Read a job file's values back."""
        return cls(PretrainingSpec.model_validate(job["spec"]), job["identity"])


def is_pretraining(model: str) -> bool:
    """Return whether a study's model is a pretraining spec: a YAML file instead of a folder or Hub id."""
    return Path(model).suffix in {".yaml", ".yml"} and not Path(model).is_dir()


def make_job(spec: PretrainingSpec) -> PretrainingJob:
    """Return the job of a spec.

    Raises:
        DataError: A text is missing or cannot be read.
        CheckpointError: There is no encoder to grow from.
    """
    return PretrainingJob(with_paths(spec, Path.resolve), identity_of_pretraining(spec))


def find_pretraining(name: str) -> tuple[Checkpoint, PretrainingJob]:
    """Find the encoder that a spec file will give; nothing is read but text files, nothing trained.

    Raises:
        StudyError: The file is not there or has mistakes.
        DataError: A text is missing or cannot be read.
        ArchitectureError: The architecture cannot be made, or layerlab does not know its parts.
    """
    from layerlab.models.anatomy import anatomy_of
    from layerlab.pretraining.model import check_architecture
    from layerlab.pretraining.text.material import check_material

    spec = read_spec(name)
    config = check_architecture(spec)
    check_material(spec)
    anatomy_of(config.model_type)
    job = make_job(spec)
    depth, width = int(config.num_hidden_layers), int(config.hidden_size)
    # The location names it until it lies in a store; fits find it there by its id.
    location = str(Path(name).resolve().parent / spec.name)
    return Checkpoint(name, location, None, f"pretraining {job.id}", config.model_type, depth, width), job


def execute_pretraining(
    store: Store,
    job: PretrainingJob,
    settings: WorkSettings,
    report: Report,
    watch: Report = silent,
) -> None:
    """Pretrain an encoder, from its last checkpoint if there is one, and publish it.

    Args:
        store: Where it goes, and where its checkpoints are.
        job: What to pretrain.
        settings: Checkpoints, device, threads.
        report: Gets events.
        watch: Gets events too.

    Raises:
        DataError: A text is not what it was when the plan was made.
    """
    from layerlab.nodes.environment import describe_environment, process_rank
    from layerlab.nodes.store.store import write_json
    from layerlab.pretraining.checkpoint import STATE
    from layerlab.pretraining.run import pretrain

    started = time.monotonic()
    report({"event": "start", "title": job.title()})
    if make_job(job.spec).id != job.id:
        raise DataError(f"a text of {job.title()} has changed since the plan was made; plan and run again")
    work = store.work(job.id)

    def both(event: Event) -> None:
        report(event)
        watch(event)

    pretrain(
        job.spec,
        work,
        checkpoint_seconds=settings.checkpoint_seconds,
        report=both,
        threads=settings.threads,
        device=settings.device,
    )
    if process_rank() > 0:
        return
    node = {"seconds": round(time.monotonic() - started, 3), "n_steps": job.spec.steps}
    with store.publish("pretraining", job.id) as folder:
        shutil.copytree(work, folder / "model", ignore=shutil.ignore_patterns(STATE, ".*"))
        about = {"model": job.spec.name, "seed": job.spec.seed, "title": job.title()}
        record = {"pretraining": about, "spec": dict(job.identity), "node": node}
        write_json(folder / "record.json", record | {"node": node | describe_environment(settings.device)})
    shutil.rmtree(work, ignore_errors=True)
    report({"event": "done", "seconds": node["seconds"]})
