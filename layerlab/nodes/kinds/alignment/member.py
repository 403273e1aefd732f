"""The encoders of an alignment, found but not loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from layerlab.models.checkpoints import Checkpoint, find_checkpoint
from layerlab.nodes.kinds.pretraining import Pretraining, find_pretraining, is_pretraining
from layerlab.nodes.kinds.training.origin import Origin, load_encoder
from layerlab.nodes.node import Work

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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    checkpoint: str
    location: str
    revision: str | None = None
    pretraining: str | None = None

    @classmethod
    def of(cls, found: Checkpoint, pretraining: str | None = None) -> Member:
        """Return a checkpoint as a member."""
        return cls(
            label=found.label,
            checkpoint=found.digest,
            location=found.location,
            revision=found.revision,
            pretraining=pretraining,
        )

    def load(self, work: Work) -> Side:
        """Load the encoder onto the worker's device.

        Raises:
            CheckpointError: It is not what it was when the plan was made.
        """
        from layerlab.measures.alignment.material import Side
        from layerlab.models.tokenizers import load_tokenizer
        from layerlab.training.devices import make_accelerator

        origin = Origin(self.location, self.revision, self.checkpoint, self.pretraining)
        location = origin.check(work.store)
        encoder = load_encoder(location, self.revision, 0)
        encoder.base.to(make_accelerator(work.settings.device).device)
        return Side(self.label, encoder, load_tokenizer(location, self.revision))


def find_member(name: str) -> tuple[Member, Pretraining | None]:
    """Find an encoder by its name in a study, with the pretraining that gives it.

    Raises:
        CheckpointError: There is none.
    """
    if not is_pretraining(name):
        return Member.of(find_checkpoint(name)), None
    found, made = find_pretraining(name)
    return Member.of(found, made.id), made
