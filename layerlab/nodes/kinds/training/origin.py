"""What a fit starts from: a checkpoint that lies somewhere or was pretrained in the store, and its donors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layerlab.data.catalog.corpus import CorpusRef
from layerlab.data.sentences import Corpus
from layerlab.errors import CheckpointError, DataError
from layerlab.models.by_language.views import save_views
from layerlab.models.checkpoints import digest_folder
from layerlab.models.pieces import n_positions
from layerlab.nodes.store.store import Store
from layerlab.tasks.corpora import read_corpus
from layerlab.training.streams import derive_seed, donors_seed

if TYPE_CHECKING:
    from layerlab.ablation.interventions.donors import Donors
    from layerlab.models.encoder import Encoder


@dataclass(frozen=True)
class Origin:
    """The checkpoint that a fit starts from.

    Attributes:
        location: Folder or Hub id.
        revision: Commit of a Hub model.
        digest: What the plan found there.
        pretraining: Id of the pretraining that gives it; None for a checkpoint that is there already.
    """

    location: str
    revision: str | None
    digest: str
    pretraining: str | None = None

    def find(self, store: Store) -> str:
        """Return where the checkpoint is: in the store, if it was pretrained there."""
        return self.location if self.pretraining is None else str(store.model(self.pretraining))

    def check(self, store: Store) -> str:
        """Return where the checkpoint is, if it is still the one of the plan.

        Raises:
            CheckpointError: The folder is not what it was when the plan was made.
        """
        is_folder = self.pretraining is None and self.revision is None
        if is_folder and digest_folder(Path(self.location)) != self.digest:
            raise CheckpointError(f"{self.location} has changed since the plan was made; plan and run again")
        return self.find(store)


def load_encoder(location: str, revision: str | None, seed: int, language: str = "any") -> Encoder:
    """Load a checkpoint's encoder; parts that it lacks, such as a pooler, are seeded.

    Of one with parts by language, it has those of ``language`` and can speak every other; what languages have
    of their own is frozen.
    """
    import torch

    from layerlab.models.encoder import Encoder

    torch.manual_seed(derive_seed(seed, "load"))
    encoder = Encoder.from_pretrained(location, revision=revision, language=language)
    encoder.freeze_own()
    return encoder


def save_encoder(folder: Path, encoder: Encoder) -> None:
    """Write an encoder as a checkpoint; one with parts by language with those of every language."""
    if encoder.views is None:
        encoder.base.save_pretrained(folder)
    else:
        save_views(folder, encoder.views)


def make_donors(
    store: Store, origin: Origin, seed: int, fits: Sequence[str], labels: Sequence[str] | None = None
) -> Donors:
    """Return where interventions take weights from: the checkpoint, the reset stream, other fits.

    Args:
        store: Holds the fits.
        origin: The checkpoint.
        seed: The fit's seed.
        fits: Ids of the fits that donate weights.
        labels: Of the fit's head, which the heads of donors must have.
    """
    from layerlab.ablation.interventions.donors import Donors

    return Donors(
        pretrained=origin.find(store),
        revision=origin.revision,
        seed=donors_seed(seed),
        fits={fit: store.model(fit) for fit in fits},
        labels=labels,
    )


def read_planned(ref: CorpusRef, planned: str) -> Corpus:
    """Read a corpus, if it is still the one of the plan.

    Raises:
        DataError: It has changed, so what is computed on it would get the identity of something else.
    """
    if ref.digest != planned:
        raise DataError(f"{ref.where} has changed since the plan was made; plan and run again")
    return read_corpus(ref)


def longest_input(encoder: Encoder, max_length: int) -> int:
    """Return how many word-pieces an input may have: what the study says, or less if the model ends there."""
    positions = n_positions(encoder.base.config)
    return max_length if positions is None else min(max_length, positions)
