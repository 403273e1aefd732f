"""Sentences with their annotations, and corpora of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from layerlab.errors import DataError
from layerlab.files import digest_values

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence; every annotation that is there has one value a word.

    Attributes:
        words: The syntactic words or tokens, as the corpus writes them.
        upos: Universal parts of speech.
        heads: 1-based index of each word's head, 0 for the root.
        relations: Dependency relations, subtypes kept (``nsubj:pass``).
        entities: IOB2 tags.
        sent_id: The corpus's name of the sentence, empty where it gives none.
        text: The sentence as running text, empty where the corpus gives none. Tasks read the words.
        place: Where it stands in its corpus, such as ``:12`` or ``, row 3``, for messages.

    >>> len(Sentence(("Sova", "letí"), upos=("NOUN", "VERB")).words)
    2
    """

    words: tuple[str, ...]
    upos: tuple[str, ...] = ()
    heads: tuple[int, ...] = ()
    relations: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    sent_id: str = ""
    text: str = ""
    place: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("upos", "heads", "relations", "entities"):
            values = getattr(self, name)
            if values and len(values) != len(self.words):
                raise DataError(
                    f"sentence {self.sent_id or ' '.join(self.words[:5])!r}: {len(values)} {name} "
                    f"for {len(self.words)} words"
                )


@dataclass(frozen=True)
class Corpus:
    """The sentences of one split of one language, or its pairs of sentences.

    Attributes:
        sentences: In the order of the corpus; each is a :class:`Sentence`, or each a
            :class:`layerlab.data.pairs.Pair`.
        digest: Stands for the content and the way it was read.
        where: File or data set, for messages.
        notes: What a reader of results should know, such as tags that are not quite IOB2.
    """

    sentences: tuple[Any, ...]
    digest: str
    where: str
    notes: tuple[str, ...] = ()

    @property
    def n_words(self) -> int:
        """Words in all sentences; 0 for pairs, which are running text."""
        return sum(len(getattr(sentence, "words", ())) for sentence in self.sentences)


def joined(corpora: Sequence[Corpus]) -> Corpus:
    """Return the sentences of several corpora one after the other; a single one is returned as it is."""
    if len(corpora) == 1:
        return corpora[0]
    return Corpus(
        tuple(sentence for one in corpora for sentence in one.sentences),
        digest_values(one.digest for one in corpora),
        " and ".join(one.where for one in corpora),
        tuple(note for one in corpora for note in one.notes),
    )


def take_evenly(sentences: Sequence[Item], n: int | None) -> tuple[Item, ...]:
    """Return ``n`` sentences, or pairs, spread evenly over a corpus, all of them if it has no more.

    >>> [s.sent_id for s in take_evenly([Sentence(("a",), sent_id=str(i)) for i in range(10)], 4)]
    ['0', '2', '5', '7']
    """
    if n is None or n >= len(sentences):
        return tuple(sentences)
    return tuple(sentences[i * len(sentences) // n] for i in range(n))


def digest_sentences(sentences: Iterable[Sentence]) -> str:
    """Return 16 hexadecimal digits that stand for the content of sentences."""
    return digest_values((s.words, s.upos, s.heads, s.relations, s.entities, s.sent_id) for s in sentences)
