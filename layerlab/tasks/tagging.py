"""Tagging: a linear head on the word-piece that stands for each word; parts of speech and named entities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

from layerlab.data.formats.conllu import UPOS
from layerlab.data.remedies import find_type_remedy
from layerlab.data.sentences import Sentence
from layerlab.errors import LabelError
from layerlab.tasks.encoding.padding import pad, pad_inputs, pad_spans
from layerlab.tasks.encoding.windows import encode_words
from layerlab.tasks.label_checks import predictions_by_word, refuse_other_labels
from layerlab.tasks.metrics.floors import commonest_share
from layerlab.tasks.metrics.score import ratio_score
from layerlab.tasks.metrics.spans import SpanScores, spans_by_sentence, words_by_sentence
from layerlab.tasks.task import IGNORED, Batch, Encoded, Example, HeadInput, Score, register_task
from layerlab.tasks.words import Word

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedTokenizerBase

Tags = Sequence[Sequence[str]]

# Sentence, word, label id.
Prediction = tuple[int, int, int]


@dataclass(frozen=True)
class Tagging:
    """A task that gives one label to each word.

    What is not listed here is as in :class:`layerlab.tasks.task.Task`.

    Attributes:
        tags_of: Gets the gold labels of a sentence.
        labels_of: Gets the head's classes from the sentences that it is trained on.
        scores_of: Gets the scores from gold and predicted labels.
        word: What stands for a word of several word-pieces.

    Reference: Devlin et al. (2019), BERT, section 5.3, for the first word-piece as the word's representation.
    """

    name: str
    formats: tuple[str, ...]
    metric: str
    tags_of: Callable[[Sentence], tuple[str, ...]]
    labels_of: Callable[[Sequence[Sentence]], tuple[str, ...]]
    scores_of: Callable[[Tags, Tags], list[Score]]
    version: int = 1
    word: Word = "first"

    @property
    def head_input(self) -> HeadInput:
        """Labelled states, or all where means are read."""
        return "all" if self.word == "mean" else "labelled"

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all scores."""
        return tuple(score.metric for score in self.scores_of([], []))

    def label_set(self, sentences: Sequence[Sentence]) -> tuple[str, ...]:
        """Return the classes of a head that is trained on these sentences."""
        return self.labels_of(sentences)

    def check(self, sentences: Sequence[Sentence], labels: Sequence[str], where: str) -> None:
        """Check that sentences are annotated, and with labels that the source has.

        Raises:
            LabelError: Names the labels that the source lacks, and how often they occur.
        """
        bare = sum(not self.tags_of(sentence) for sentence in sentences)
        if bare:
            raise LabelError(
                f"{where}: {bare} of {len(sentences)} sentences have no labels for task {self.name}"
            )
        tags = (tag for sentence in sentences for tag in self.tags_of(sentence))
        refuse_other_labels(tags, labels, find_type_remedy, where)

    def encode(
        self,
        sentences: Sequence[Sentence],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
    ) -> Encoded[Example]:
        """Return examples in which each word is labelled once, on the word-piece that stands for it.

        Raises:
            LabelError: A word has a label that is not among ``labels``.
        """
        self.check(sentences, labels, f"task {self.name}")
        ids = {label: index for index, label in enumerate(labels)}
        label_ids = [[ids[tag] for tag in self.tags_of(sentence)] for sentence in sentences]
        return encode_words(sentences, label_ids, tokenizer, max_length, self.word)

    def build_head(self, hidden_size: int, n_labels: int, dropout: float) -> nn.Module:
        """Build a linear head that maps ``(batch, tokens, hidden)`` to ``(batch, tokens, labels)``."""
        from layerlab.tasks.heads.linear import linear_head

        head = linear_head(hidden_size, n_labels, dropout)
        if self.word != "mean":
            return head
        from layerlab.tasks.heads.words import MeanOfPieces

        return MeanOfPieces(head)

    def collate(self, examples: Sequence[Example], pad_id: int) -> Batch:
        """Pad examples to the longest: ``input_ids``, ``attention_mask``, ``labels``, ``(batch, tokens)``.

        Where means are read, ``spans`` says which word-pieces are a word.
        """
        labels = pad([example.label_ids for example in examples], IGNORED)
        spans = {"spans": pad_spans([one.spans for one in examples])} if self.word == "mean" else {}
        return {**pad_inputs(examples, pad_id), **spans, "labels": labels}

    def loss(self, output: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy of logits ``(batch, tokens, labels)``, summed in float32.

        Labels are ids ``(batch, tokens)``, -100 where there is none.
        """
        from torch.nn.functional import cross_entropy

        logits = output.float().flatten(0, 1)
        return cross_entropy(logits, labels.flatten(), ignore_index=IGNORED, reduction="sum")

    def n_targets(self, batch: Batch) -> int:
        """Return how many words a batch labels."""
        return int((batch["labels"] != IGNORED).sum())

    def decode(self, output: Tensor, batch: Batch, examples: Sequence[Example]) -> list[Prediction]:
        """Return (sentence, word, label id) for each labelled word."""
        best = output.argmax(dim=-1)[batch["labels"] != IGNORED].tolist()
        places = [(example.sentence, word) for example in examples for word in example.words]
        return [(sentence, word, label) for (sentence, word), label in zip(places, best, strict=True)]

    def score(
        self, sentences: Sequence[Sentence], labels: Sequence[str], decoded: Sequence[Prediction]
    ) -> list[Score]:
        """Return the scores of the predictions of a whole corpus.

        Raises:
            LabelError: A word has no prediction or two, so that the score would not be of this corpus.
        """
        by_word = predictions_by_word(sentences, decoded)
        predicted = [[labels[label] for (label,) in words] for words in by_word]
        return self.scores_of([self.tags_of(sentence) for sentence in sentences], predicted)


def upos_labels(sentences: Sequence[Sentence]) -> tuple[str, ...]:
    """Return the 17 universal parts of speech, whatever the sentences hold."""
    return UPOS


def entity_labels(sentences: Sequence[Sentence]) -> tuple[str, ...]:
    """Return ``O`` and, for each entity type that occurs, ``B-`` and ``I-``.

    >>> entity_labels([Sentence(("Ana", "spava"), entities=("B-PER", "O"))])
    ('O', 'B-PER', 'I-PER')
    """
    types = sorted({tag[2:] for sentence in sentences for tag in sentence.entities if tag != "O"})
    return ("O", *(f"{prefix}-{kind}" for kind in types for prefix in ("B", "I")))


def upos_scores(gold: Tags, predicted: Tags) -> list[Score]:
    """Return word accuracy; n is the number of words, the floor that of the commonest tag."""
    floor = commonest_share(chain.from_iterable(gold))
    return [ratio_score("accuracy", sum(map(len, gold)), words_by_sentence(gold, predicted), floor=floor)]


def entity_scores(gold: Tags, predicted: Tags) -> list[Score]:
    """Return strict IOB2 F1, precision and recall, and lenient F1.

    n is the number of gold entities, for precision of predicted ones. The commonest tag is ``O``, with which
    nothing is found, so the floor of F1 is 0.
    """
    strict = spans_by_sentence(gold, predicted)
    lenient = spans_by_sentence(gold, predicted, lenient=True)
    n_gold, n_predicted = sum(one.n_gold for one in strict), sum(one.n_predicted for one in strict)
    return [
        ratio_score("span_f1", n_gold, map(_f1_counts, strict), floor=0.0),
        ratio_score("span_precision", n_predicted, ((one.n_correct, one.n_predicted) for one in strict)),
        ratio_score("span_recall", n_gold, ((one.n_correct, one.n_gold) for one in strict)),
        ratio_score(
            "span_f1_lenient", sum(one.n_gold for one in lenient), map(_f1_counts, lenient), floor=0.0
        ),
    ]


def _f1_counts(found: SpanScores) -> tuple[int, int]:
    return 2 * found.n_correct, found.n_gold + found.n_predicted


#: Universal parts of speech.
UPOS_TAGGING = Tagging("upos", ("conllu",), "accuracy", attrgetter("upos"), upos_labels, upos_scores)
#: Named entities.
NER = Tagging("ner", ("iob2",), "span_f1", attrgetter("entities"), entity_labels, entity_scores)
register_task(UPOS_TAGGING)
register_task(NER)
