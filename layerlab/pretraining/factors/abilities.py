"""What a factor of a pretraining can do: add sequences, change text, make vocabularies, separate parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from layerlab.pretraining.text.corpus import Tokens

#: Language to its paragraphs.
Texts = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Surroundings:
    """What a factor can ask of the pretraining that it belongs to.

    Attributes:
        languages: The languages of the running text.
        drop: Language to the ids left out of its ``.tsv`` files.
        seed: The pretraining's seed.
        factors: All its factors by name.
        corpora: Language to where its running text comes from.
    """

    languages: tuple[str, ...]
    drop: Mapping[str, Sequence[str]]
    seed: int
    factors: Mapping[str, Factor]
    corpora: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def streaming(self) -> Mapping[str, Streaming]:
        """The factors that add streams, by name."""
        return {name: one for name, one in self.factors.items() if isinstance(one, Streaming)}


@runtime_checkable
class Factor(Protocol):
    """What a pretraining does beside masked LM on running text with one vocabulary.

    A factor is a frozen pydantic model, whose fields are what a spec says of it; every field, and the content
    of every file, is part of the pretraining's identity. It has one or more of the abilities
    :class:`Streaming`, :class:`Rewriting`, :class:`Tokenizing` and :class:`Separating`.
    """

    def files(self, around: Surroundings) -> Mapping[str, Path]:
        """Return the files that it reads, by language."""

    def check_spec(self, around: Surroundings) -> None:
        """Raise ValueError if it does not go with the rest of the spec; no file is read."""

    def check_files(self, around: Surroundings) -> None:
        """Raise DataError if a file that it reads is not there, before time is spent."""

    def describe(self, around: Surroundings) -> str:
        """Return what it does, for the model card: of streams ``20% are ...``, of others a sentence."""


@runtime_checkable
class Streaming(Factor, Protocol):
    """The ability to add streams of sequences, which take their share of every batch."""

    @property
    def mask_rate(self) -> float | None:
        """Fraction of the ordinary tokens of its sequences to be predicted; None for that of the spec."""

    @property
    def mixes_languages(self) -> bool:
        """Whether its sequences hold words of several languages, so that alignment is taught."""

    def streams(self) -> Mapping[str, float]:
        """Return the names of its streams, each with its share of all sequences."""

    def stream(self, name: str, around: Surroundings, texts: Texts, tokenizer: Any) -> Tokens:
        """Return one of its streams: token ids of shape ``(tokens,)``, a separator after each paragraph.

        Args:
            name: Of the stream.
            around: The pretraining.
            texts: Language to the paragraphs of its running text.
            tokenizer: A fast Hugging Face tokenizer.
        """


@runtime_checkable
class Rewriting(Factor, Protocol):
    """The ability to change the running text, before a vocabulary is made of it."""

    def rewrite(self, around: Surroundings, texts: Texts) -> Texts:
        """Return the running text of every language as it is to be trained on."""


@runtime_checkable
class Tokenizing(Factor, Protocol):
    """The ability to give languages tokenizers of their own, over one space of ids."""

    def tokenizers(
        self, around: Surroundings, train: Callable[[Sequence[str], int], Any], size: int
    ) -> Mapping[str, Any]:
        """Return a fast Hugging Face tokenizer for every language.

        Args:
            around: The pretraining.
            train: Trains a tokenizer of so many pieces, special tokens included, on the text of languages.
            size: Pieces of all vocabularies together that the spec asks for.
        """


@runtime_checkable
class Separating(Factor, Protocol):
    """The ability to give languages parameters of their own, while they share the rest."""

    def own_parameters(self, model: Any) -> frozenset[str]:
        """Return the names of the parameters of a masked-LM model that each language has of its own.

        The model may have no values. Of names that a parameter has, the one in the base model counts.

        Raises:
            SelectionError: A layer does not exist.
        """


#: Abilities by what a class must have all of, if it has any.
ABILITIES: Mapping[type, tuple[str, ...]] = {
    Streaming: ("mask_rate", "mixes_languages", "stream", "streams"),
    Rewriting: ("rewrite",),
    Tokenizing: ("tokenizers",),
    Separating: ("own_parameters",),
}
#: What every factor has.
COMMON = ("check_files", "check_spec", "describe", "files")
