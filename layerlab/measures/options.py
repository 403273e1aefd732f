"""What a study measures beside scores; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from layerlab.data.bitext import TextForm
from layerlab.errors import unknown
from layerlab.validation import Names

Pooling = Literal["mean", "first", "muller"]
Estimator = Literal["debiased", "biased", "muller"]
Kernel = Literal["linear", "rbf"]

#: Measures of the states of two languages, at every level; see `layerlab.measures.bitext_alignment`.
PAIR_MEASURES = (
    "cka", "cka_biased", "cka_rbf", "cka_muller", "anc", "cosine", "cosine_centred", "retrieval",
    "retrieval_centred", "retrieval_csls", "retrieval_csls_centred",
)  # fmt: skip
#: CKA with the pretrained encoder, at every level and in every language, by its estimator and kernel.
CHANGES: Mapping[str, tuple[Estimator, Kernel]] = {
    "change_cka": ("debiased", "linear"),
    "change_cka_biased": ("biased", "linear"),
    "change_cka_rbf": ("debiased", "rbf"),
    "change_cka_rbf_biased": ("biased", "rbf"),
    "change_cka_muller": ("muller", "rbf"),
}
#: CKA of each level with the one below it, in every language, by its estimator and kernel.
STEPS: Mapping[str, tuple[Estimator, Kernel]] = {
    "step_cka": ("debiased", "linear"),
    "step_cka_muller": ("muller", "rbf"),
}
#: Measures whose definition says how a sentence's vector is made; the others take the mean.
OWN_POOLING: Mapping[str, Pooling] = {
    "cka_muller": "muller",
    "change_cka_muller": "muller",
    "step_cka_muller": "muller",
}
#: Distance of the weights from the pretrained ones, layer by layer; see `layerlab.measures.drift`.
WEIGHT_MEASURES = ("drift",)
#: Other names of measures.
ALIASES = {"change": "change_cka"}
KNOWN = (*PAIR_MEASURES, *ALIASES, *CHANGES, *STEPS, *WEIGHT_MEASURES)

# Raised when the same measure of the same texts gives other numbers, so that old results are not reused.
MEASURES_VERSION = 1


class Measures(BaseModel):
    """What is measured of every run's encoder, level by level, after it was scored.

    Values become rows of the records with ``layer`` set: 0 for the output of the embeddings (of ``drift``,
    their weights), ``i + 1`` for layer ``i``. All but ``change`` and ``drift`` are also taken of the
    pretrained encoder: these rows, whose metric ends in ``_pretrained``, come with the runs without any
    intervention.

    Attributes:
        names: ``cka`` and its kin, ``anc``, ``cosine``, ``retrieval`` and its kin (of the source with each
            language); ``step_cka``: CKA of each level with the one below it, in each language;
            ``change`` (also ``change_cka``) and its kin: CKA with the pretrained encoder on the same
            sentences; ``drift``: distance of the weights from the pretrained ones.
        parallel: Parallel sentences: ``pud`` or ``tatoeba`` (below ``LAYERLAB_DATA``), a folder or ``.tsv``
            as ``layerlab measure`` takes them, or ``controlled``: test sentences of the study's controlled
            languages. By default ``controlled`` where the data are, else ``pud``.
        sentences: At most so many sentence pairs, spread evenly; None for all.
        pooling: How a sentence's vector is made: ``mean``, ``first`` or ``muller``, see
            `layerlab.measures.states.sentence_states`. By default as each measure defines it: ``muller`` for
            measures whose name ends in it, ``mean`` for all others. What is given holds for all.
        text: What of parallel treebanks is read: ``raw`` for the lines ``# text`` (words in languages whose
            file lacks them), ``words`` for the words of all.
        languages: Languages to pair with the source; the study's targets by default.

    >>> Measures(names=["cka", "change"]).canonical
    ('change_cka', 'cka')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: Names = Field(min_length=1)
    parallel: str | None = Field(default=None, min_length=1)
    sentences: int | None = Field(default=500, ge=8)
    pooling: Pooling | None = None
    text: TextForm = "raw"
    languages: Names = ()

    @field_validator("names", "languages", mode="before")
    @classmethod
    def _allow_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("names", "languages")
    @classmethod
    def _refuse_repeats(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        called = [ALIASES.get(name, name) for name in value]
        twice = sorted({name for name in called if called.count(name) > 1})
        if twice:
            raise ValueError(f"listed twice: {', '.join(twice)}")
        return value

    @field_validator("names")
    @classmethod
    def _refuse_unknown(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [unknown("measure", name, KNOWN) for name in value if name not in KNOWN]
        if wrong:
            raise ValueError("; ".join(wrong))
        return value

    @property
    def canonical(self) -> tuple[str, ...]:
        """The measures as records name them, sorted."""
        return tuple(sorted(ALIASES.get(name, name) for name in self.names))


def pooling_of(name: str, given: Pooling | None = None) -> Pooling:
    """Return how a measure's sentence vectors are made, unless the user says how.

    >>> pooling_of("cka"), pooling_of("cka_muller"), pooling_of("cka_muller", "mean")
    ('mean', 'muller', 'mean')
    """
    return given or OWN_POOLING.get(name, "mean")


def short_form(value: object) -> object:
    """Return the mapping that a list of names, or one name, stands for; anything else as it is.

    >>> short_form(["cka"]), short_form({"names": ["cka"], "parallel": "pud"})
    ({'names': ['cka']}, {'names': ['cka'], 'parallel': 'pud'})
    """
    return {"names": value} if isinstance(value, str | list | tuple) else value


class ProbeTraining(BaseModel):
    """How probes are trained: Adam, a rate that falls linearly to zero, no dropout; the last epoch is kept.

    Attributes:
        epochs: Passes over the training split.
        learning_rate: Peak rate.
        batch_size: Sentences (or windows of long sentences, or pairs) in a step.
        warmup: Fraction of the steps in which the rate rises.
        weight_decay: Of AdamW, on matrices.
        max_length: Longest input in word-pieces, special tokens included.
        standardise: Give each level's states mean 0 and deviation 1 over the training split, dimension by
            dimension, so that levels of unlike scale are trained alike; what is linearly readable stays so.
        keep_gib: States of the training split are kept if they fit into so much memory (GiB); the epochs
            after the first then cost next to nothing. 0 computes them anew in every epoch.

    >>> ProbeTraining(epochs=3).batch_size
    32
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=5, ge=1)
    learning_rate: float = Field(default=1e-2, gt=0)
    batch_size: int = Field(default=32, ge=1)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    max_length: int = Field(default=256, ge=8)
    standardise: bool = True
    keep_gib: float = Field(default=2.0, ge=0)
