"""Parallel text for translation language modelling: the translations of a verse, one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from layerlab.errors import DataError
from layerlab.pretraining.factors.factor import Surroundings, register_factor
from layerlab.pretraining.text.corpus import Tokens, check_corpora, encode, read_rows
from layerlab.training.streams import translations_stream

PARALLEL: Final = "parallel"


@register_factor(PARALLEL)
class Parallel(BaseModel):
    """Parallel text on which part of the sequences train (translation language modelling).

    Text by text, in the order of the first language that has it, the translations follow one another in a
    random order of languages, each with a separator after it; texts in one language alone are left out. A
    packed sequence thus holds the same words in two or more languages.

    Attributes:
        corpora: Language to one ``.tsv`` (id TAB text), also as ``.xz``; equal ids are translations. The
            spec's ``drop`` holds for it too.
        share: Fraction of the sequences that are drawn from it.
        mask_rate: Fraction of their ordinary tokens to be predicted; None for that of the other sequences. A
            high one leaves little to guess from within the language, so that the translations must serve.

    Reference:
        Conneau and Lample 2019, "Cross-lingual Language Model Pretraining" (TLM, there with two languages).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    corpora: dict[str, Path] = Field(min_length=2)
    share: float = Field(default=0.5, gt=0, lt=1)
    mask_rate: float | None = Field(default=None, gt=0, lt=1)

    @property
    def mixes_languages(self) -> bool:
        """Translations stand side by side."""
        return True

    def streams(self) -> Mapping[str, float]:
        """Return the one stream."""
        return {PARALLEL: self.share}

    def files(self, around: Surroundings) -> Mapping[str, Path]:
        """Return the parallel texts."""
        return self.corpora

    def check_spec(self, around: Surroundings) -> None:
        """It goes with any spec."""

    def check_files(self, around: Surroundings) -> None:
        """Check that the texts are there and have ids."""
        check_corpora({language: (file,) for language, file in self.corpora.items()}, kinds=("tsv",))

    def stream(
        self, name: str, around: Surroundings, texts: Mapping[str, Sequence[str]], tokenizer: Any
    ) -> Tokens:
        """Return the translations, text by text.

        Raises:
            DataError: No text is in two languages.
        """
        return encode(interleave(read_translations(self.corpora, around.drop), around.seed), tokenizer)

    def describe(self, around: Surroundings) -> str:
        """Return what the sequences are."""
        return (
            f"{self.share:.0%} are parallel text, a text's translations side by side (translation language\n"
            f"modelling; languages: {', '.join(self.corpora)})"
        )


def read_translations(
    corpora: Mapping[str, Path], drop: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, str]]:
    """Read parallel texts: language to text by id, without the ids that a language drops.

    Raises:
        DataError: A line that has not exactly one tab; names file and line.
    """
    return {language: dict(read_rows(file, drop.get(language, ()))) for language, file in corpora.items()}


def interleave(texts: Mapping[str, Mapping[str, str]], seed: int) -> Sequence[str]:
    """Return all texts that are in two languages at least, translations of one text side by side.

    Raises:
        DataError: No id is in two languages.

    >>> interleave({"en": {"1": "a", "2": "b"}, "fr": {"1": "c"}}, seed=0)
    ['c', 'a']
    """
    languages = tuple(texts)
    identifiers = dict.fromkeys(identifier for language in languages for identifier in texts[language])
    generator = translations_stream(seed)
    result: list[str] = []
    for identifier in identifiers:
        order = [languages[number] for number in generator.permutation(len(languages))]
        having = [language for language in order if identifier in texts[language]]
        if len(having) > 1:
            result.extend(texts[language][identifier] for language in having)
    if not result:
        raise DataError(f"parallel: no id is in two of {', '.join(languages)}")
    return result
