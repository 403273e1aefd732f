"""How encoders that were trained independently are aligned; nothing heavy is imported here."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from layerlab.errors import unknown
from layerlab.measures.options import ProbeTraining
from layerlab.validation import Names

#: Maps that are fitted.
MAPS: Final = ("procrustes", "least_squares")
#: What is compared: words of a dictionary, words in sentences, sentences, and the similarity of sentences.
UNITS: Final = ("word", "context", "sentence", "cka")

# Raised when the same alignment of the same texts gives other numbers, so that old results are not reused.
ALIGNMENT_VERSION: Final = 1
#: Fewest pairs to fit a map on, and to test it on.
FEWEST: Final = 8


class Aligning(BaseModel):
    """How two encoders are aligned, and what is measured.

    Attributes:
        units: What is compared: ``word``, words of a dictionary, each encoded alone; ``context``, words
            in parallel sentences; ``sentence``, means of sentences; ``cka``, the CKA of sentences,
            which needs no map.
        maps: Maps that are fitted: ``procrustes``, an orthogonal one; ``least_squares``, any linear one.
        layers: Levels of the source's encoder, 0 being the embeddings and ``i + 1`` layer ``i``; all by
            default. An encoder of another depth is read at the same fraction of its own.
        test_share: Of words and of sentences, for the part that maps are tested on; they are fitted on the
            rest.
        sentences: At most so many sentence pairs, spread evenly.
        pairs: At most so many pairs of words, spread evenly.
        occurrences: At most so many occurrences of the same two words.
        neighbours: Nearest neighbours of CSLS.
        rounds: Of the iterative normalisation.
        network_layers: Fresh Transformer layers of the task network below its head, in the transfer
            experiment; 0 for the head alone.
        training: Of the task network; by default as probes are trained, with a tenth of their rate where it
            has Transformer layers.

    >>> Aligning(units="sentence").units
    ('sentence',)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    units: Names = UNITS
    maps: Names = Field(default=MAPS, min_length=1)
    layers: tuple[int, ...] | None = None
    test_share: float = Field(default=0.3, gt=0, lt=1)
    sentences: int = Field(default=2_000, ge=2 * FEWEST)
    pairs: int = Field(default=5_000, ge=2 * FEWEST)
    occurrences: int = Field(default=20, ge=1)
    neighbours: int = Field(default=10, ge=1)
    rounds: int = Field(default=5, ge=1)
    network_layers: int = Field(default=0, ge=0)
    training: ProbeTraining | None = None

    @field_validator("units", "maps", mode="before")
    @classmethod
    def _allow_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("units")
    @classmethod
    def _refuse_unknown_units(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _known("unit", value, UNITS)

    @field_validator("maps")
    @classmethod
    def _refuse_unknown_maps(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _known("map", value, MAPS)

    @property
    def network_training(self) -> ProbeTraining:
        """How the task network is trained."""
        if self.training is not None:
            return self.training
        return ProbeTraining(learning_rate=1e-3) if self.network_layers else ProbeTraining()


def _known(what: str, names: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [unknown(what, name, known) for name in names if name not in known]
    if wrong:
        raise ValueError("; ".join(wrong))
    return tuple(name for name in known if name in names)
