"""Corpora as a study uses them: read once, checked before training, encoded once a process."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from layerlab.data.catalog.corpus import CorpusRef, load_corpus
from layerlab.data.catalog.registry import register_speaker
from layerlab.data.sentences import Corpus, joined, take_evenly
from layerlab.data.spec import Controlled
from layerlab.errors import DataError, LabelError
from layerlab.models.pieces import blank_pieces, share_of_unknown, tokenize
from layerlab.tasks.task import Encoded, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Sentences of a corpus that a tokenizer is tried on.
SAMPLE: Final = 200
# An encoder that knows no more than the rest of the words learns nothing from them.
MOST_UNKNOWN: Final = 0.9
# Words that begin with an empty piece are no exception above this share.
MOST_EMPTY: Final = 0.05


@dataclass(frozen=True)
class EncodedCorpus:
    """A corpus ready for a model.

    Attributes:
        sentences: Or pairs of them, with their gold labels.
        encoded: Their examples.
        labels: In the order of the head's outputs.
        pad_id: Of the tokenizer.
        notes: What the reader found unusual.
        parts: Of several corpora that are one after the other, each by its language; they are scored by
            themselves, as an example knows the sentence of its own corpus.
    """

    sentences: Sequence[Any]
    encoded: Encoded
    labels: tuple[str, ...]
    pad_id: int
    notes: tuple[str, ...] = ()
    parts: Mapping[str, EncodedCorpus] = field(default_factory=dict)


@functools.lru_cache(maxsize=64)
def read_corpus(ref: CorpusRef) -> Corpus:
    """Read a corpus; a second request is answered from memory.

    Raises:
        DataError: The file does not keep its format.
    """
    return load_corpus(ref)


@dataclass(frozen=True)
class SourceCheck:
    """What a look at a source and its targets found.

    Attributes:
        problems: What is wrong, in words.
        notes: What a reader of results should know, each with its corpus.
        n_sentences: Sentences in the training split.
        labels: Classes of a head that is trained on it.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    n_sentences: int = 0
    labels: tuple[str, ...] = ()


def check_labels(task: Task, trains: Sequence[CorpusRef], others: Sequence[CorpusRef]) -> SourceCheck:
    """Read a source and its targets, check their annotation and compare labels.

    Args:
        task: What they are annotated for.
        trains: The training split of each language of the source.
        others: Its development splits, and the test splits of the targets.
    """
    try:
        sources = [read_corpus(ref) for ref in trains]
    except DataError as error:
        return SourceCheck((str(error),))
    labels = task.label_set(joined(sources).sentences)
    problems = _unlike_labels(task, sources)
    notes: list[str] = []
    for ref in (*trains, *others):
        try:
            corpus = read_corpus(ref)
            notes.extend(f"{ref.where}: {note}" for note in corpus.notes)
            task.check(corpus.sentences, labels, ref.where)
        except (DataError, LabelError) as error:
            problems.append(str(error))
    n_sentences = sum(len(source.sentences) for source in sources)
    return SourceCheck(tuple(problems), tuple(notes), n_sentences, labels)


def _unlike_labels(task: Task, sources: Sequence[Corpus]) -> list[str]:
    """Say which of several corpora that are trained on together have labels that another lacks."""
    problems = []
    for own in sources[1:]:
        first = sources[0]
        for one, other in ((first, own), (own, first)):
            try:
                task.check(one.sentences, task.label_set(other.sentences), one.where)
            except LabelError as error:
                problems.append(f"the labels of {first.where} and {own.where} differ: {error}")
                break
            except DataError:
                pass  # said of the corpus itself
    return problems


def encode_corpus(
    task: Task, corpus: Corpus, labels: tuple[str, ...], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> EncodedCorpus:
    """Encode a corpus for a tokenizer and check that its labels are known.

    Raises:
        LabelError: The corpus has labels that the source lacks.
    """
    task.check(corpus.sentences, labels, corpus.where)
    encoded = task.encode(corpus.sentences, labels, tokenizer, max_length)
    pad_id = tokenizer.pad_token_id
    return EncodedCorpus(
        corpus.sentences, encoded, labels, 0 if pad_id is None else int(pad_id), corpus.notes
    )


def join_corpora(parts: Mapping[str, EncodedCorpus]) -> EncodedCorpus:
    """Return corpora, by their languages, one after the other; a single one is returned as it is."""
    first, *rest = parts.values()
    if not rest:
        return first
    encoded = [one.encoded for one in parts.values()]
    counts = sum((Counter(one.counts) for one in encoded), Counter())
    together = Encoded(
        tuple(example for one in encoded for example in one.examples),
        sum(one.n_words for one in encoded),
        sum(one.n_windowed for one in encoded),
        sum(one.n_unknown for one in encoded),
        {name: counts[name] for name in encoded[0].counts},
    )
    sentences = tuple(sentence for one in parts.values() for sentence in one.sentences)
    notes = tuple(note for one in parts.values() for note in one.notes)
    return EncodedCorpus(sentences, together, first.labels, first.pad_id, notes, dict(parts))


def _speak(controlled: Controlled, language: str, split: str, pairs: bool) -> tuple[Any, ...]:
    # The languages are imported only where they are spoken.
    from layerlab.languages.corpora.on_demand import speak, speak_pairs

    size, seed, family = getattr(controlled, split), controlled.seed, controlled.family
    if pairs:
        return speak_pairs(language, split, size, seed, family, balanced=controlled.nli == "balanced")
    return speak(language, split, size, seed, controlled.parallel, family)


register_speaker(_speak)


def unknown_words(corpus: Corpus, tokenizer: Any, reader: str) -> str | None:
    """Return that nearly all words of a corpus are unknown to an encoder, in words, or None.

    Args:
        corpus: Some of its sentences or pairs are looked at.
        tokenizer: The encoder's fast tokenizer.
        reader: What the encoder is called.
    """
    items = take_evenly(corpus.sentences, SAMPLE)
    texts = (
        item.words if hasattr(item, "words") else f"{item.first} {item.second}".split() for item in items
    )
    words = [word for text in texts for word in text if any(sign.isalpha() for sign in word)]
    share = share_of_unknown(tokenizer, words)
    if share <= MOST_UNKNOWN:
        return None
    return f"{share:.0%} of the words of {corpus.where} are unknown to {reader}"


def empty_words(corpus: Corpus, tokenizer: Any, reader: str) -> str | None:
    """Return that many words of a corpus begin with a bare space mark, in words, or None.

    Read by that piece, such words look alike: a tagger that saw it with punctuation takes them for it.

    Args:
        corpus: Some of its sentences are looked at; pairs have no words.
        tokenizer: The encoder's fast tokenizer.
        reader: What the encoder is called.
    """
    items = take_evenly(corpus.sentences, SAMPLE)
    words = [word for item in items for word in getattr(item, "words", ())]
    pieces, _ = tokenize(words, tokenizer)
    blank = blank_pieces(tokenizer)
    share = sum(pieces[word][0] in blank for word in words) / max(1, len(words))
    if share <= MOST_EMPTY:
        return None
    return (
        f"{share:.0%} of the words of {corpus.where} begin with an empty piece of {reader}, and "
        "`word: first` reads them by it; the default, `word: first-content`, does not"
    )
