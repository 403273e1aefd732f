"""Annotated sentences and pairs made artificial, so that a task is evaluated in an artificial language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from layerlab.data.artificial.ways import WAYS, Way, make_artificial
from layerlab.data.pairs import Pair
from layerlab.data.sentences import Sentence

T = TypeVar("T")


def artificial_item(item: Sentence | Pair, ways: Sequence[str], seed: int = 0) -> Sentence | Pair:
    """Return a sentence or a pair made artificial."""
    if isinstance(item, Pair):
        return artificial_pair(item, ways, seed)
    return artificial_sentence(item, ways, seed)


def artificial_pair(pair: Pair, ways: Sequence[str], seed: int = 0) -> Pair:
    """Return an inference pair made artificial; its label stays."""
    first, second = (make_artificial(text, ways, seed) for text in (pair.first, pair.second))
    return replace(pair, first=first, second=second)


def artificial_sentence(sentence: Sentence, ways: Sequence[str], seed: int = 0) -> Sentence:
    """Return a sentence made artificial, its annotations with it.

    Trees stay what they are between the same words. An entity whose words no longer stand side by side
    becomes several.

    >>> said = Sentence(("Eve", "saw", "it", "."), ("PROPN", "VERB", "PRON", "PUNCT"), (2, 0, 2, 2))
    >>> made = artificial_sentence(said, ["inverted"])
    >>> made.words, made.upos[0], made.heads
    (('it', 'saw', 'Eve', '.'), 'PRON', (2, 0, 2, 2))
    """
    for way in ways:
        sentence = _changed(sentence, WAYS[way], seed)
    return sentence


def _changed(sentence: Sentence, way: Way, seed: int) -> Sentence:
    words = sentence.words
    order = list(range(len(words))) if way.order is None else way.order(words, seed)
    if way.word is not None:
        words = tuple(way.word(word, seed) for word in words)
    # Of each old place, counted from 1, the new one; that of the root stays 0.
    places = {0: 0, **{old + 1: new + 1 for new, old in enumerate(order)}}
    return replace(
        sentence,
        words=tuple(words[old] for old in order),
        upos=_in_order(sentence.upos, order),
        heads=tuple(places[head] for head in _in_order(sentence.heads, order)),
        relations=_in_order(sentence.relations, order),
        entities=_entities(sentence.entities, order),
        text=way.text(sentence.text, seed) if sentence.text else "",
    )


def _in_order(values: Sequence[T], order: Sequence[int]) -> tuple[T, ...]:
    return tuple(values[old] for old in order) if values else ()


def _entities(tags: Sequence[str], order: Sequence[int]) -> tuple[str, ...]:
    """Return IOB2 tags in a new order: words of one entity that stand side by side are one.

    >>> _entities(("B-PER", "I-PER", "O", "B-LOC"), (1, 0, 3, 2))
    ('B-PER', 'I-PER', 'B-LOC', 'O')
    """
    if not tags:
        return ()
    numbers: list[int] = []
    for tag in tags:
        numbers.append(numbers[-1] if tag.startswith("I-") and numbers else len(numbers))
    found = []
    for new, old in enumerate(order):
        inside = new > 0 and tags[old] != "O" and numbers[order[new - 1]] == numbers[old]
        found.append(tags[old] if tags[old] == "O" else f"{'I' if inside else 'B'}{tags[old][1:]}")
    return tuple(found)
