"""A pretraining: an encoder that a spec makes, known by the spec and the content of its texts."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from layerlab.analysis.stored.record import Record
from layerlab.errors import DataError
from layerlab.models.anatomy import anatomy_of
from layerlab.models.checkpoints import Checkpoint
from layerlab.nodes.facts import Facts
from layerlab.nodes.identity import digest
from layerlab.nodes.node import Work, node
from layerlab.nodes.sharing import process_rank
from layerlab.pretraining.identity import identity_of_pretraining
from layerlab.pretraining.spec import PretrainingSpec, read_spec, with_paths


class PretrainingFacts(Facts):
    """What a pretraining notes of itself.

    Attributes:
        n_steps: Optimiser steps.
    """

    n_steps: int


@node
class Pretraining(BaseModel):
    """One pretraining.

    Attributes:
        spec: What to pretrain; its paths hold in any directory.
        identity: Everything that determines the encoder, texts replaced by digests of their content.
        step: The step after which the encoder is taken, of those that the pretraining keeps; None for the
            last one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str] = "pretraining"
    removable: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[bool] = True
    scored: ClassVar[bool] = False

    spec: PretrainingSpec
    identity: Mapping[str, Any]
    step: int | None = None

    @classmethod
    def of(cls, spec: PretrainingSpec) -> Pretraining:
        """Return the node of a spec.

        Raises:
            DataError: A text is missing or cannot be read.
            CheckpointError: There is no encoder to grow from.
        """
        return cls(spec=with_paths(spec, Path.resolve), identity=identity_of_pretraining(spec))

    def at(self, step: int) -> Pretraining:
        """Return the node of the encoder that is kept after a step."""
        return self.model_copy(update={"step": step})

    @property
    def id(self) -> str:
        """The pretraining's identity; an encoder that is kept on the way has one of its own."""
        after = {} if self.step is None else {"after": self.step}
        return digest({"kind": "pretraining", **self.identity, **after})

    @property
    def needs(self) -> tuple[str, ...]:
        """Nothing; of an encoder that is kept on the way, the whole pretraining."""
        return () if self.step is None else (self.at_end.id,)

    @property
    def at_end(self) -> Pretraining:
        """The whole pretraining."""
        return self.model_copy(update={"step": None})

    @property
    def title(self) -> str:
        """One line for progress and messages."""
        seed = f" seed {self.spec.seed}" if self.spec.seed else ""
        after = "" if self.step is None else f" after step {self.step:,}"
        return f"pretraining {self.spec.name}{seed}{after}"

    @property
    def columns(self) -> Mapping[str, Any]:
        """Model, seed, and the step of an encoder that is kept on the way."""
        step = {} if self.step is None else {"step": self.step}
        return {"model": self.spec.name, "seed": self.spec.seed, **step}

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the store."""
        return self.model_dump(mode="json", exclude={"step"} if self.step is None else set())

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Pretraining:
        """Read plain values of the store back."""
        spec = PretrainingSpec.model_validate(plain["spec"])
        return cls(spec=spec, identity=plain["identity"], step=plain.get("step"))

    def execute(self, work: Work) -> None:
        """Pretrain the encoder, from its last checkpoint if there is one, and publish it.

        Raises:
            DataError: A text is not what it was when the plan was made.
        """
        from layerlab.pretraining.run import pretrain

        started = time.monotonic()
        if Pretraining.of(self.spec).id != self.at_end.id:
            raise DataError(f"a text of {self.title} has changed since the plan was made; plan and run again")
        settings, folder = work.settings, work.store.work(self.id)
        # The encoder is written where no other process writes: one that was stopped may go on in the folder.
        with nullcontext(folder) if process_rank() > 0 else work.publish(self) as made:
            if not self._take_kept(work, made / "model"):
                pretrain(
                    self.spec,
                    folder,
                    checkpoint_seconds=settings.checkpoint_seconds,
                    report=work.report,
                    threads=settings.threads,
                    stop_after=self.step,
                    device=settings.device,
                    into=made / "model",
                )
            if process_rank() > 0:
                return
            seconds = time.monotonic() - started
            facts = PretrainingFacts.gather(settings.device, seconds, n_steps=self.step or self.spec.steps)
            Record(
                kind=self.kind,
                id=self.id,
                about={**self.columns, "title": self.title},
                facts=facts.model_dump(),
                spec=self.identity,
            ).write(made)
        shutil.rmtree(folder, ignore_errors=True)

    def _take_kept(self, work: Work, into: Path) -> bool:
        """Take an encoder that the whole pretraining kept; False if it is to be pretrained up to the step.

        A pretraining that was complete before anybody asked for the step has not kept it.
        """
        from layerlab.pretraining.kept import copy_folder, kept_folder

        if self.step is None:
            return False
        kept = kept_folder(work.store.model(self.at_end.id), self.step)
        if kept.is_dir() and process_rank() == 0:
            copy_folder(kept, into)
        return kept.is_dir()


def is_pretraining(model: str) -> bool:
    """Return whether a study's model is a pretraining spec: a YAML file instead of a folder or Hub id."""
    return Path(model).suffix in {".yaml", ".yml"} and not Path(model).is_dir()


def find_pretraining(name: str) -> tuple[Checkpoint, Pretraining]:
    """Find the encoder that a spec file will give; nothing is read but text files, nothing trained.

    Raises:
        StudyError: The file is not there or has mistakes.
        DataError: A text is missing or cannot be read.
        ArchitectureError: The architecture cannot be made, or layerlab does not know its parts.
    """
    spec = read_spec(name)
    config = check_pretraining(spec)
    made = Pretraining.of(spec)
    return checkpoint_of(made, config, name, Path(name).resolve().parent / spec.name), made


def check_pretraining(spec: PretrainingSpec) -> Any:
    """Check what can be checked of a spec before anything is trained, and return the encoder's config.

    Raises:
        DataError: A text is missing or cannot be read.
        ArchitectureError: The architecture cannot be made, or layerlab does not know its parts.
    """
    from layerlab.pretraining.material import check_material
    from layerlab.pretraining.model import check_architecture

    config = check_architecture(spec)
    check_material(spec)
    anatomy_of(config.model_type)
    return config


def checkpoint_of(made: Pretraining, config: Any, name: str, location: Path) -> Checkpoint:
    """Return the checkpoint that a pretraining will give.

    Args:
        made: The pretraining.
        config: Of its encoder.
        name: What the study calls it.
        location: Names it until it lies in a store; fits find it there by its id.
    """
    depth, width = int(config.num_hidden_layers), int(config.hidden_size)
    languages = () if made.spec.separate is None else tuple(made.spec.corpora)
    digest = f"pretraining {made.id}"
    return Checkpoint(name, str(location), None, digest, config.model_type, depth, width, languages)
