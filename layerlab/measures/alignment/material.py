"""What two encoders are aligned on: parallel sentences, links of their words, a dictionary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from layerlab.data.bitext import Bitext, Links, Texts
from layerlab.data.formats.dictionaries import Dictionary
from layerlab.data.sentences import Sentence, take_evenly
from layerlab.errors import DataError
from layerlab.measures.alignment.aligner import align_words, words_of
from layerlab.measures.alignment.options import FEWEST, Aligning
from layerlab.measures.alignment.parts import Parts, split_sentences, split_words
from layerlab.measures.alignment.word_states import Place, word_states
from layerlab.measures.states import States, sentence_states
from layerlab.models.encoder import Encoder
from layerlab.models.tokenizers import Tokenizers
from layerlab.tasks.words import Word

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Side:
    """An encoder that takes part.

    Attributes:
        label: What it is called.
        encoder: The encoder, which does not change.
        tokenizer: Its tokenizer.
    """

    label: str
    encoder: Encoder
    tokenizer: PreTrainedTokenizerBase

    @classmethod
    def speaking(
        cls, languages: Sequence[str], label: str, encoder: Encoder, tokenizers: Tokenizers
    ) -> tuple[Side, ...]:
        """Return an encoder as it reads each of some languages; one object where it reads all in one way.

        Raises:
            CheckpointError: It reads each language in a way of its own, and one of these not at all.
        """
        if not encoder.languages and not tokenizers.own:
            return (cls(label, encoder, tokenizers.common),) * len(languages)
        return tuple(cls(label, encoder.speaking(one), tokenizers.of(one)) for one in languages)


@dataclass(frozen=True)
class Material:
    """What two encoders are aligned on.

    Attributes:
        bitext: Parallel sentences.
        links: Which words of them mean the same; None for those that a small aligner finds.
        meanings: Of each word of the source what it means, where that is known, so that forms of one word go
            into one part.
        dictionary: Pairs of words.
        words: Both sides of the bitext as sentences of words; where it is running text, None takes what
            blanks and marks show.
    """

    bitext: Bitext
    links: Links | None = None
    meanings: Sequence[Sequence[str]] = ()
    dictionary: Dictionary = ()
    words: tuple[Sequence[Sentence], Sequence[Sentence]] | None = None

    @cached_property
    def worded(self) -> tuple[Sequence[Sentence], Sequence[Sentence]]:
        """Both sides of the bitext as sentences of words."""
        if self.words is not None:
            return self.words
        return _worded(self.bitext.sources), _worded(self.bitext.targets)

    @cached_property
    def found_links(self) -> Links:
        """The links that are given, or those that the aligner finds."""
        if self.links is not None:
            return self.links
        here, there = ([one.words for one in side] for side in self.worded)
        return align_words(here, there)

    def some(self, n: int) -> Material:
        """Return at most so many of the sentences, spread evenly."""
        if len(self.bitext) <= n:
            return self
        one = self.bitext
        sides = take_evenly(one.sources, n), take_evenly(one.targets, n)
        links = None if self.links is None else take_evenly(self.links, n)
        meanings = take_evenly(self.meanings, n) if self.meanings else ()
        words = None if self.words is None else (take_evenly(self.words[0], n), take_evenly(self.words[1], n))
        return Material(Bitext(one.source, one.target, *sides), links, meanings, self.dictionary, words)


@dataclass(frozen=True)
class Items:
    """Things of one kind in both languages, and which of them mean the same.

    Attributes:
        unit: Their kind, as records name it.
        pairs: Numbers of what means the same in source and target, ``(pairs, 2)``.
        read: Gives from an encoder, a side (0 or 1) and levels the states of all things of that side.
        split: Gives from a seed the parts of the pairs.
        among_all: Whether the right one is looked for among all things, and not only among those tested.
    """

    unit: str
    pairs: NDArray[np.int64]
    read: Callable[[Side, int, Sequence[int]], States]
    split: Callable[[int], Parts]
    among_all: bool = False

    def parts(self, seed: int) -> Parts:
        """Return the parts of the pairs.

        Raises:
            DataError: One is too small.
        """
        found = self.split(seed)
        for part, rows in (("fit the map on", found.fit), ("test it on", found.test)):
            if len(rows) < FEWEST:
                raise DataError(
                    f"{self.unit}: of {len(self.pairs)} pairs {len(rows)} are left to {part}, once no "
                    f"{'sentence' if self.unit == 'sentence' else 'word'} is in both parts; expected at "
                    f"least {FEWEST}: give more parallel text or a larger dictionary"
                )
        return found


def sentence_items(material: Material, options: Aligning) -> Items:
    """Return the sentences, each encoded as a whole."""
    one = material.some(options.sentences).bitext
    n = len(one)

    def read(side: Side, which: int, levels: Sequence[int]) -> States:
        texts = one.targets if which else one.sources
        return sentence_states(side.encoder, texts, side.tokenizer)[list(levels)]

    def split(seed: int) -> Parts:
        tested = split_sentences(n, options.test_share, seed)
        return Parts(np.flatnonzero(~tested), np.flatnonzero(tested))

    return Items("sentence", np.repeat(np.arange(n)[:, None], 2, axis=1), read, split)


def word_items(material: Material, options: Aligning) -> Items:
    """Return the words of the dictionary, each encoded alone.

    Raises:
        DataError: There is no dictionary.
    """
    if not material.dictionary:
        raise DataError("word: there is no dictionary; give one, in the format of MUSE")
    entries = take_evenly(material.dictionary, options.pairs)
    sides = [tuple(dict.fromkeys(words)) for words in zip(*entries, strict=True)]
    numbers = [{word: number for number, word in enumerate(words)} for words in sides]
    pairs = np.array([(numbers[0][here], numbers[1][there]) for here, there in entries], dtype=np.int64)

    def read(side: Side, which: int, levels: Sequence[int]) -> States:
        words = [tuple(word.split()) for word in sides[which]]
        return sentence_states(side.encoder, words, side.tokenizer)[list(levels)]

    def split(seed: int) -> Parts:
        fit, test = split_words(entries, options.test_share, seed)
        return Parts(np.flatnonzero(fit), np.flatnonzero(test))

    return Items("word", pairs, read, split, among_all=True)


def context_items(
    material: Material, options: Aligning, words: tuple[Word, Word] = ("mean", "mean")
) -> Items:
    """Return the linked words of the sentences, each encoded in its sentence.

    Neither a sentence nor a word with all its occurrences is in both parts. Marks and numbers are left out.

    Args:
        material: Sentences and links.
        options: How many pairs there are at most.
        words: What stands for a word of several word-pieces, on either side.
    """
    some = material.some(options.sentences)
    linked = take_evenly(_linked_places(some, options.occurrences), options.pairs)
    places, kinds = [places for places, _ in linked], [kind for _, kind in linked]
    sentence_of = np.array([here[0] for here, _ in places], dtype=np.int64)

    def read(side: Side, which: int, levels: Sequence[int]) -> States:
        wanted = [pair[which] for pair in places]
        sentences = some.worded[which]
        return word_states(side.encoder, side.tokenizer, sentences, wanted, levels=levels, word=words[which])

    def split(seed: int) -> Parts:
        fit, test = split_words(kinds, options.test_share, seed)
        tested = split_sentences(len(some.bitext), options.test_share, seed)[sentence_of]
        return Parts(np.flatnonzero(fit & ~tested), np.flatnonzero(test & tested))

    return Items("context", np.repeat(np.arange(len(places))[:, None], 2, axis=1), read, split)


def _linked_places(material: Material, occurrences: int) -> list[tuple[tuple[Place, Place], tuple[str, str]]]:
    """Return linked words by their places, and what two words each are, by which they are told apart."""
    found: list[tuple[tuple[Place, Place], tuple[str, str]]] = []
    seen: Counter[tuple[str, str]] = Counter()
    for number, links in enumerate(material.found_links):
        here, there = (side[number].words for side in material.worded)
        for first, second in links:
            if not any(sign.isalpha() for sign in here[first]):
                continue
            kind = here[first].lower(), there[second].lower()
            if material.meanings:
                kind = (material.meanings[number][first],) * 2
            seen[kind] += 1
            if seen[kind] <= occurrences:
                found.append((((number, first), (number, second)), kind))
    return found


def _worded(texts: Texts) -> tuple[Sentence, ...]:
    return tuple(one if isinstance(one, Sentence) else Sentence(words_of(one)) for one in texts)


def levels_beside(n_source: int, n_target: int, layers: Sequence[int] | None) -> tuple[tuple[int, int], ...]:
    """Return levels of one encoder, each with the level of another at the same fraction of its depth.

    Args:
        n_source: Layers of the one.
        n_target: Layers of the other.
        layers: Levels of the one; all by default.

    Raises:
        DataError: A level that the first encoder does not have.

    >>> levels_beside(2, 4, None), levels_beside(3, 3, [3, 1])
    (((0, 0), (1, 2), (2, 4)), ((1, 1), (3, 3)))
    """
    wanted = sorted(set(range(n_source + 1) if layers is None else layers))
    for level in wanted:
        if not 0 <= level <= n_source:
            raise DataError(f"no layer {level}: expected 0 (the embeddings) to {n_source}")
    return tuple((level, round(level * n_target / n_source)) for level in wanted)


def width_of(side: Side) -> int:
    """Return the dimensions of an encoder's states."""
    config: Any = side.encoder.base.config
    return int(config.hidden_size)
