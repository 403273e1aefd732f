"""Anchors: words that two languages share, made by putting translations into running text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from layerlab.errors import DataError
from layerlab.pretraining.factors.factor import Surroundings, register_factor
from layerlab.pretraining.factors.lexicon import WORD, Translations, count_occurrences, pair_words
from layerlab.pretraining.factors.parallel import PARALLEL, read_translations
from layerlab.pretraining.text.corpus import Tokens, check_corpora, encode
from layerlab.training.streams import anchors_stream

ANCHORS: Final = "anchors"
ANCHORED: Final = "anchored"

#: From one language into another: word in lower case to translations.
Lexicon = Mapping[tuple[str, str], Translations]


@register_factor(ANCHORS)
class Anchors(BaseModel):
    """Running text with some words in another language, so that languages share words.

    The translations are learnt from parallel texts, whose other words stay unused here.

    Attributes:
        corpora: Language to one ``.tsv`` (id TAB text), as in ``Parallel``, from which the lexicon is learnt;
            empty for the corpora of ``parallel``. The spec's ``drop`` holds for it too.
        share: Fraction of the sequences that are drawn from the switched text.
        rate: Fraction of its words that are exchanged, where a translation is known.

    Reference:
        Wu et al. 2020, "Emerging Cross-lingual Structure in Pretrained Language Models", where anchor
        points are a factor of transfer, and more of them are made by code-switching with a dictionary.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    corpora: dict[str, Path] = {}
    share: float = Field(default=0.5, gt=0, lt=1)
    rate: float = Field(default=0.3, gt=0, le=1)

    @property
    def mask_rate(self) -> float | None:
        """That of the spec."""
        return None

    @property
    def mixes_languages(self) -> bool:
        """Some words are in another language."""
        return True

    def streams(self) -> Mapping[str, float]:
        """Return the one stream."""
        return {ANCHORED: self.share}

    def files(self, around: Surroundings) -> Mapping[str, Path]:
        """Return the texts that the lexicon is learnt from."""
        if self.corpora or PARALLEL not in around.factors:
            return self.corpora
        return around.factors[PARALLEL].files(around)

    def check_spec(self, around: Surroundings) -> None:
        """Check that there is something to learn a lexicon from.

        Raises:
            ValueError: There are not two languages.
        """
        if len(self.files(around)) < 2:
            raise ValueError("anchors: expected corpora of two languages at least, or `parallel`")

    def check_files(self, around: Surroundings) -> None:
        """Check that the texts are there and have ids."""
        check_corpora({language: (file,) for language, file in self.files(around).items()}, kinds=("tsv",))

    def stream(
        self, name: str, around: Surroundings, texts: Mapping[str, Sequence[str]], tokenizer: Any
    ) -> Tokens:
        """Return the running text with some words exchanged; languages without a lexicon are left out.

        Raises:
            DataError: No word pair was found.
        """
        files = self.files(around)
        verses = read_translations(files, around.drop)
        lexicon = learn_lexicon(verses)
        switched = [
            line
            for language in texts
            if language in verses
            for line in switch_all(texts[language], language, lexicon, self.rate, around.seed)
        ]
        if not switched:
            raise DataError(
                f"anchors: none of the corpora's languages {', '.join(texts)} is among {', '.join(files)}"
            )
        return encode(switched, tokenizer)

    def describe(self, around: Surroundings) -> str:
        """Return what the sequences are."""
        return (
            f"{self.share:.0%} are running text in which {self.rate:.0%} of the words are in another "
            f"language\nwhere a translation is known (anchors; the lexicon was learnt from parallel texts in "
            f"{', '.join(self.files(around))})"
        )


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


def switch_all(
    paragraphs: Sequence[str], language: str, lexicon: Lexicon, rate: float, seed: int
) -> Iterator[str]:
    """Yield every paragraph with words of one other language in it, which each paragraph draws anew."""
    partners = [other for one, other in lexicon if one == language]
    if not partners:
        return
    generator = anchors_stream(seed, language)
    for paragraph in paragraphs:
        yield switch(paragraph, lexicon[language, generator.choice(partners)], rate, generator.random)


def switch(text: str, translations: Translations, rate: float, draw: Callable[[], float]) -> str:
    """Return a text in which a fraction ``rate`` of the known words is exchanged; a capital stays one.

    >>> switch("The king, the king said", {"king": (("roi", 1.0),), "the": (("le", 1.0),)}, 1.0, lambda: 0.5)
    'Le roi, le roi said'
    >>> switch("王说", {"王": (("king", 1.0),), "说": (("said", 1.0),)}, 1.0, lambda: 0.5)
    'king said'
    """
    result, end = "", 0
    for match in WORD.finditer(text):
        if draw() >= rate:
            continue
        word = match.group()
        options = translations.get(word.lower())
        if options is None:
            continue
        chosen = _pick(options, draw())
        result = _joined(result, text[end : match.start()])
        result = _joined(result, chosen.capitalize() if word[0].isupper() else chosen)
        end = match.end()
    return _joined(result, text[end:])


def _pick(options: Sequence[tuple[str, float]], drawn: float) -> str:
    for option, weight in options:
        drawn -= weight
        if drawn < 0:
            return option
    return options[-1][0]


def _joined(before: str, after: str) -> str:
    """Put two pieces of text together, with a space where two words would run into one."""
    apart = before[-1:].isalnum() and after[:1].isalnum()
    return f"{before} {after}" if apart else before + after
