"""Anchors: words that two languages share, made by putting translations into running text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from layerlab.errors import DataError
from layerlab.pretraining.factors.lexicon import WORD, Translations, count_occurrences, pair_words
from layerlab.pretraining.factors.parallel import read_translations
from layerlab.pretraining.text.corpus import Tokens, encode
from layerlab.training.streams import anchors_stream

if TYPE_CHECKING:
    from layerlab.pretraining.spec import PretrainingSpec

ANCHORED: Final = "anchored"

#: From one language into another: word to translations.
Lexicon = Mapping[tuple[str, str], Translations]


def anchored_stream(spec: PretrainingSpec, texts: Mapping[str, Sequence[str]], tokenizer: Any) -> Tokens:
    """Return the texts with some words exchanged for their translations, as one stream, shape ``(tokens,)``.

    Args:
        spec: A pretraining with ``anchors``.
        texts: Language to its paragraphs; languages without a lexicon are left out.
        tokenizer: A fast Hugging Face tokenizer.

    Raises:
        DataError: The spec asks for no anchors, or no word pair was found.

    Reference:
        Wu et al. 2020, "Emerging Cross-lingual Structure in Pretrained Language Models", where anchor
        points are a factor of transfer, and more of them are made by code-switching with a dictionary.
    """
    if spec.anchors is None:
        raise DataError("anchors: the spec asks for none")
    files = spec.anchor_corpora()
    verses = read_translations(files, spec.drop)
    lexicon = learn_lexicon(verses)
    switched = [
        line
        for language in texts
        if language in verses
        for line in switch_all(texts[language], language, lexicon, spec.anchors.rate, spec.seed)
    ]
    if not switched:
        raise DataError(
            f"anchors: none of the corpora's languages {', '.join(texts)} is among {', '.join(files)}"
        )
    return encode(switched, tokenizer)


def learn_lexicon(texts: Mapping[str, Mapping[str, str]]) -> Lexicon:
    """Learn word translations between all pairs of languages.

    Args:
        texts: Language to text by id; equal ids are translations.

    Raises:
        DataError: No two words stand together often enough.
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
        raise DataError(f"anchors: no words of {', '.join(texts)} stand together often enough to be paired")
    return lexicon


def switch_all(
    paragraphs: Sequence[str], language: str, lexicon: Lexicon, rate: float, seed: int
) -> Iterator[str]:
    """Yield every paragraph with words of one other language in it, which each paragraph draws anew.

    Args:
        paragraphs: Texts of one language.
        language: That language.
        lexicon: Translations by pair of languages.
        rate: Fraction of the words to exchange, where a translation is known.
        seed: Seed of the draws.
    """
    partners = [other for one, other in lexicon if one == language]
    if not partners:
        return
    generator = anchors_stream(seed, language)
    for paragraph in paragraphs:
        yield switch(paragraph, lexicon[language, generator.choice(partners)], rate, generator.random)


def switch(text: str, translations: Translations, rate: float, draw: Callable[[], float]) -> str:
    """Return a text in which words are exchanged for translations; a capital stays one.

    Args:
        text: Running text.
        translations: Word in lower case to its translations.
        rate: Fraction of the words to exchange, where a translation is known.
        draw: Gives numbers between 0 and 1.

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
