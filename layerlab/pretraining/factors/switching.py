"""Exchanging words of running text for translations: code-switching."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from layerlab.pretraining.factors.dictionaries import Lexicon
from layerlab.pretraining.factors.lexicon import WORD, Translations
from layerlab.training.streams import anchors_stream


@dataclass
class Budget:
    """How many words may be exchanged.

    Attributes:
        most: Fraction of the words read so far.
        n_words: Words read so far.
        n_taken: Words exchanged so far.
    """

    most: float
    n_words: int = 0
    n_taken: int = 0

    def read(self, text: str) -> None:
        """Count the words of a text that is about to be switched."""
        self.n_words += len(WORD.findall(text))

    def take(self) -> bool:
        """Return whether one more word may be exchanged, and count it if so."""
        may = self.n_taken + 1 <= self.most * self.n_words
        self.n_taken += may
        return may


def switch_all(
    paragraphs: Sequence[str],
    language: str,
    lexicon: Lexicon,
    rate: float,
    seed: int,
    *,
    most: float | None = None,
) -> Iterator[str]:
    """Yield every paragraph with words of one other language in it, which each paragraph draws anew.

    At no place have more than a fraction ``most`` of the words so far been exchanged.
    """
    partners = [other for one, other in lexicon if one == language]
    if not partners:
        return
    generator = anchors_stream(seed, language)
    budget = None if most is None else Budget(most)
    for paragraph in paragraphs:
        translations = lexicon[language, generator.choice(partners)]
        yield switch(paragraph, translations, rate, generator.random, budget)


def switch(
    text: str,
    translations: Translations,
    rate: float,
    draw: Callable[[], float],
    budget: Budget | None = None,
) -> str:
    """Return a text in which a fraction ``rate`` of the known words is exchanged; a capital stays one.

    >>> switch("The king, the king said", {"king": (("roi", 1.0),), "the": (("le", 1.0),)}, 1.0, lambda: 0.5)
    'Le roi, le roi said'
    >>> switch("王说", {"王": (("king", 1.0),), "说": (("said", 1.0),)}, 1.0, lambda: 0.5)
    'king said'
    """
    result, end = "", 0
    if budget is not None:
        budget.read(text)
    for match in WORD.finditer(text):
        if draw() >= rate:
            continue
        word = match.group()
        options = translations.get(word.lower())
        if options is None or not (budget is None or budget.take()):
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
