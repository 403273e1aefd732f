"""The encoders of an alignment, found but not loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from layerlab.models.by_language.manifest import language_for
from layerlab.models.checkpoints import Checkpoint, find_checkpoint
from layerlab.nodes.kinds.pretraining import (
    Pretraining,
    check_pretraining,
    checkpoint_of,
    find_pretraining,
    is_pretraining,
)
from layerlab.nodes.kinds.training.origin import Origin, load_encoder
from layerlab.nodes.node import Work
from layerlab.pretraining.spec import read_spec

if TYPE_CHECKING:
    from layerlab.measures.alignment.material import Side


class Member(BaseModel):
    """An encoder that takes part.

    Attributes:
        label: What it is called.
        checkpoint: Digest of the encoder.
        location: Folder or Hub id.
        revision: Commit of a Hub model.
        pretraining: Id of the pretraining that gives it, if one does.
        languages: Those that have weights of their own; none where all languages share all weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    checkpoint: str
    location: str
    revision: str | None = None
    pretraining: str | None = None
    languages: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Checkpoint, pretraining: str | None = None) -> Member:
        """Return a checkpoint as a member."""
        return cls(
            label=found.label,
            checkpoint=found.digest,
            location=found.location,
            revision=found.revision,
            pretraining=pretraining,
            languages=found.languages,
        )

    def check_speaks(self, *languages: str) -> None:
        """Check that it has weights for languages, if languages have weights of their own.

        Raises:
            CheckpointError: It has none for one of them.
        """
        for language in languages if self.languages else ():
            language_for(language, self.languages, self.label)

    def load(self, work: Work, *languages: str) -> tuple[Side, ...]:
        """Load the encoder onto the worker's device, as it reads each of some languages.

        Raises:
            CheckpointError: It is not what it was when the plan was made, or does not read one of them.
        """
        from layerlab.measures.alignment.material import Side
        from layerlab.models.tokenizers import load_tokenizers
        from layerlab.training.devices import make_accelerator

        origin = Origin(self.location, self.revision, self.checkpoint, self.pretraining)
        location = origin.check(work.store)
        encoder = load_encoder(location, self.revision, 0)
        encoder.base.to(make_accelerator(work.settings.device).device)
        return Side.speaking(languages, self.label, encoder, load_tokenizers(location, self.revision))


def find_member(name: str, study: Any, seed: int) -> tuple[Member, Pretraining | None]:
    """Find an encoder by its name in a study, with the pretraining that gives it.

    Args:
        name: A folder, a Hub id, a pretraining spec, or one of the study's ``pretrainings``, of which each
            seed may have its own.
        study: The study.
        seed: Of the study.

    Raises:
        CheckpointError: There is none.
        StudyError: A spec has mistakes.
    """
    asked = study.pretrainings.get(name)
    if asked is not None:
        spec = read_spec(asked.spec, asked.overrides(seed)).model_copy(update={"name": name})
        made = Pretraining.of(spec)
        location = Path(asked.spec).resolve().parent / name
        return Member.of(checkpoint_of(made, check_pretraining(spec), name, location), made.id), made
    if not is_pretraining(name):
        return Member.of(find_checkpoint(name)), None
    found, made = find_pretraining(name)
    return Member.of(found, made.id), made
