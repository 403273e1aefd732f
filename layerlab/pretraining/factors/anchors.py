"""Anchors: words that two languages share, made by putting translations into running text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from layerlab.errors import DataError, unknown
from layerlab.pretraining.factors.abilities import Surroundings, Texts
from layerlab.pretraining.factors.dictionaries import Lexicon, controlled_lexicon, given_lexicon
from layerlab.pretraining.factors.factor import register_factor
from layerlab.pretraining.factors.lexicon import Translations, count_occurrences, pair_words
from layerlab.pretraining.factors.parallel import PARALLEL, read_translations
from layerlab.pretraining.factors.switching import switch_all
from layerlab.pretraining.text.corpus import Tokens, check_corpora, encode

ANCHORS: Final = "anchors"
ANCHORED: Final = "anchored"


@register_factor(ANCHORS)
class Anchors(BaseModel):
    """Running text with some words in another language, so that languages share words: extra anchors.

    Translations are given as dictionaries, or learnt from parallel texts, whose other words stay unused here.

    Attributes:
        corpora: Language to one ``.tsv`` (id TAB text), as in ``Parallel``, from which the lexicon is learnt;
            empty for the corpora of ``parallel``. The spec's ``drop`` holds for it too.
        share: Fraction of the sequences that are drawn from the switched text; 1 switches the running text
            itself, as the paper does, and the vocabulary is made of it.
        rate: Fraction of its words that are exchanged, where a translation is known; the paper has 0.3.
        dictionaries: Source to target to a file in MUSE's format (a word and its translation a line), such as
            ``{en: {fr: en-fr.txt}}``; a direction that is not given is the other one turned round. Or
            ``controlled``, those of the controlled languages. None to learn them.
        most: At most so many of all words are exchanged, counted from the beginning of the text on; the paper
            has 0.15 of a batch. None for no such limit.

    Reference:
        Wu et al. 2020, "Emerging Cross-lingual Structure in Pretrained Language Models", where anchor
        points are a factor of transfer, and more of them are made by code-switching with a dictionary.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    corpora: dict[str, Path] = {}
    share: float = Field(default=0.5, gt=0, le=1)
    rate: float = Field(default=0.3, gt=0, le=1)
    dictionaries: Literal["controlled"] | dict[str, dict[str, Path]] | None = None
    most: float | None = Field(default=None, gt=0, le=1)

    @property
    def mask_rate(self) -> float | None:
        """That of the spec."""
        return None

    @property
    def mixes_languages(self) -> bool:
        """Some words are in another language."""
        return True

    def streams(self) -> Mapping[str, float]:
        """Return the one stream, if the switched text stands beside the running text."""
        return {ANCHORED: self.share} if self.share < 1 else {}

    def files(self, around: Surroundings) -> Mapping[str, Path]:
        """Return the dictionaries, or the texts that the lexicon is learnt from."""
        if self.dictionaries is not None:
            return {f"{one}-{two}": path for one, two, path in self._given()}
        if self.corpora or PARALLEL not in around.factors:
            return self.corpora
        return around.factors[PARALLEL].files(around)

    def check_spec(self, around: Surroundings) -> None:
        """Check that there is something to take a lexicon from.

        Raises:
            ValueError: There are not two languages, or dictionaries and corpora are both given.
        """
        if self.dictionaries is None:
            if len(self.files(around)) < 2:
                raise ValueError(
                    "anchors: expected dictionaries, corpora of two languages at least, or `parallel`"
                )
            return
        if self.corpora:
            raise ValueError("anchors: translations are given or learnt; keep dictionaries or corpora")
        named = {language for one, two, _ in self._given() for language in (one, two)}
        for language in named:
            if language not in around.languages:
                raise ValueError(f"anchors: dictionaries: {unknown('language', language, around.languages)}")

    def check_files(self, around: Surroundings) -> None:
        """Check that dictionaries are there, or that the texts are there and have ids."""
        if self.dictionaries == "controlled":
            controlled_lexicon(around.corpora)
            return
        if self.dictionaries is not None:
            given_lexicon(self.dictionaries)
            return
        check_corpora({language: (file,) for language, file in self.files(around).items()}, kinds=("tsv",))

    def stream(self, name: str, around: Surroundings, texts: Texts, tokenizer: Any) -> Tokens:
        """Return the running text with some words exchanged; languages without a lexicon are left out.

        Raises:
            DataError: No word pair was found.
        """
        lexicon, known = self._lexicon(around)
        switched = [line for language in texts for line in self._switch(texts, language, lexicon, around)]
        if not switched:
            raise DataError(
                f"anchors: none of the corpora's languages {', '.join(texts)} is among {', '.join(known)}"
            )
        return encode(switched, tokenizer)

    def rewrite(self, around: Surroundings, texts: Texts) -> Texts:
        """Return the running text with some words exchanged, if all of it is to be switched.

        Raises:
            DataError: No word pair was found.
        """
        if self.share < 1:
            return texts
        lexicon, _ = self._lexicon(around)
        return {
            language: list(self._switch(texts, language, lexicon, around)) or paragraphs
            for language, paragraphs in texts.items()
        }

    def describe(self, around: Surroundings) -> str:
        """Return what the sequences are."""
        known = f"the lexicon was learnt from parallel texts in {', '.join(self.files(around))}"
        if self.dictionaries is not None:
            known = "the dictionaries were given"
        limit = "" if self.most is None else f", and at most {self.most:.0%} of all words,"
        rest = (
            f"running text in which {self.rate:.0%} of the words{limit} are in another language\nwhere a "
            f"translation is known (anchors; {known})"
        )
        return f"All sequences are {rest}." if self.share == 1 else f"{self.share:.0%} are {rest}"

    def _given(self) -> list[tuple[str, str, Path]]:
        """Return the dictionaries that are files, by source and target."""
        given = self.dictionaries if isinstance(self.dictionaries, Mapping) else {}
        return [(one, two, path) for one, targets in given.items() for two, path in targets.items()]

    def _lexicon(self, around: Surroundings) -> tuple[Lexicon, Sequence[str]]:
        """Return the translations, and the languages that they are learnt or given for."""
        if self.dictionaries is None:
            files = self.files(around)
            return learn_lexicon(read_translations(files, around.drop)), tuple(files)
        if self.dictionaries == "controlled":
            both = controlled_lexicon(around.corpora)
        else:
            both = given_lexicon(self.dictionaries)
        return both, tuple(dict.fromkeys(one for one, _ in both))

    def _switch(self, texts: Texts, language: str, lexicon: Lexicon, around: Surroundings) -> Iterator[str]:
        return switch_all(texts[language], language, lexicon, self.rate, around.seed, most=self.most)


def learn_lexicon(texts: Mapping[str, Mapping[str, str]]) -> Lexicon:
    """Learn word translations between all pairs of languages; texts with equal ids are translations.

    Raises:
        DataError: No two words occur together often enough.
    """
    identifiers = list(dict.fromkeys(key for language in texts for key in texts[language]))
    found = {
        language: count_occurrences([rows.get(key, "") for key in identifiers])
        for language, rows in texts.items()
    }
    lexicon: dict[tuple[str, str], Translations] = {}
    for one, two in combinations(texts, 2):
        there, back = pair_words(found[one], found[two])
        if there:
            lexicon[one, two], lexicon[two, one] = there, back
    if not lexicon:
        raise DataError(f"anchors: no words of {', '.join(texts)} occur together often enough to be paired")
    return lexicon
