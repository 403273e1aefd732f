"""Dependency parsing: biaffine scorers on the states of words, decoded to single-rooted trees."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from layerlab.data.checks import check_trees
from layerlab.data.sentences import Sentence
from layerlab.errors import LabelError
from layerlab.tasks.encoding.padding import pad, pad_inputs, pad_spans
from layerlab.tasks.encoding.windows import CutWords, cut_words, spans_of
from layerlab.tasks.label_checks import predictions_by_word
from layerlab.tasks.metrics.attachment import attachments_by_sentence, universal
from layerlab.tasks.metrics.floors import chain_floors
from layerlab.tasks.metrics.score import ratio_score
from layerlab.tasks.task import IGNORED, Batch, Encoded, Score, register_task
from layerlab.tasks.words import Word, place_in_word

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedTokenizerBase

    from layerlab.tasks.heads.biaffine import ArcScores

# Sentence, word, head (1-based, 0 is the root), relation id; head -1 is a word that was cut off.
Prediction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class TreeExample:
    """A sentence as input of a parser, or its first words if it is too long.

    Attributes:
        input_ids: Word-pieces, special tokens included.
        words: For each word that is there, the place of the word-piece that stands for it.
        heads: Its head, 1-based and 0 for the root; -100 if the head was cut off.
        relations: Id of its relation; -100 if the source does not have it, or the head was cut off.
        sentence: Index of the sentence.
        n_cut: Words that were cut off.
        spans: For each word-piece, where the first one of its word is; empty unless means are read.
    """

    input_ids: tuple[int, ...]
    words: tuple[int, ...]
    heads: tuple[int, ...]
    relations: tuple[int, ...]
    sentence: int
    n_cut: int
    spans: tuple[int, ...] = ()


@dataclass(frozen=True)
class Parsing:
    """The task that gives each word a head and a relation.

    A word is represented by one of its word-pieces, or by their mean. Relations are compared, and therefore
    learnt, without subtypes. Relations of a target that the source does not have can only be got wrong; so
    are the words that a sentence has beyond the longest input.

    Attributes:
        name: As studies call it; a parser of other sizes is registered under a name of its own.
        arc_size: Width of the projections for heads.
        relation_size: Width of the projections for relations.
        word: What stands for a word of several word-pieces.

    Reference: Dozat and Manning (2017), Deep Biaffine Attention for Neural Dependency Parsing; sizes and the
        encoder's last layer as input as in Muller et al. (2021), who chose epochs by UAS.

    >>> Parsing().arc_size, Parsing("small-parsing", arc_size=100, relation_size=50).arc_size
    (500, 100)
    """

    name: str = "parsing"
    arc_size: int = 500
    relation_size: int = 200
    formats: tuple[str, ...] = ("conllu",)
    metric: str = "las"
    version: int = 1
    word: Word = "first"

    metrics: ClassVar[tuple[str, ...]] = ("las", "uas", "clas")

    def label_set(self, sentences: Sequence[Sentence]) -> tuple[str, ...]:
        """Return the relations of sentences, without subtypes.

        >>> Parsing().label_set([Sentence(("a", "b"), heads=(2, 0), relations=("nsubj:pass", "root"))])
        ('nsubj', 'root')
        """
        return tuple(sorted({universal(relation) for s in sentences for relation in s.relations}))

    def check(self, sentences: Sequence[Sentence], labels: Sequence[str], where: str) -> None:
        """Check that sentences have trees; relations that the source lacks are no mistake.

        Raises:
            LabelError: Some have none.
            DataError: Heads that are no tree; names the first place.
        """
        bare = sum(not (sentence.heads and sentence.relations) for sentence in sentences)
        if bare:
            raise LabelError(
                f"{where}: {bare} of {len(sentences)} sentences have no tree for task {self.name}"
            )
        check_trees(sentences, where)

    def encode(
        self,
        sentences: Sequence[Sentence],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
    ) -> Encoded[TreeExample]:
        """Return one :class:`TreeExample` a sentence, cut after the last word that fits.

        Raises:
            LabelError: A sentence has no tree.
        """
        self.check(sentences, labels, f"task {self.name}")
        cut = cut_words(sentences, tokenizer, max_length)
        ids = {label: index for index, label in enumerate(labels)}
        examples = tuple(
            _build(cut, ids, self.word, index, sentence) for index, sentence in enumerate(sentences)
        )
        n_words = sum(len(sentence.words) for sentence in sentences)
        return Encoded(examples, n_words, sum(example.n_cut for example in examples), cut.n_unknown)

    def build_head(self, hidden_size: int, n_labels: int, dropout: float) -> nn.Module:
        """Build the biaffine head; see :class:`layerlab.tasks.heads.biaffine.BiaffineHead`."""
        from layerlab.tasks.heads.biaffine import BiaffineHead

        head = BiaffineHead(hidden_size, n_labels, self.arc_size, self.relation_size, dropout)
        if self.word != "mean":
            return head
        from layerlab.tasks.heads.words import MeanOfPieces

        return MeanOfPieces(head)

    def collate(self, examples: Sequence[TreeExample], pad_id: int) -> Batch:
        """Pad examples to the longest.

        Returns:
            ``input_ids`` and ``attention_mask`` ``(batch, tokens)``; ``words`` ``(batch, words)``, the places
            of word-pieces that stand for words, 0 beyond the last; ``labels`` ``(batch, words, 2)``, heads
            and relations; where means are read, ``spans`` ``(batch, tokens)``.
        """
        import torch

        heads = pad([example.heads for example in examples], IGNORED)
        relations = pad([example.relations for example in examples], IGNORED)
        spans = {"spans": pad_spans([one.spans for one in examples])} if self.word == "mean" else {}
        return {
            **pad_inputs(examples, pad_id),
            **spans,
            "words": pad([example.words for example in examples], 0),
            "labels": torch.stack([heads, relations], dim=-1),
        }

    def loss(self, output: ArcScores, labels: Tensor) -> Tensor:
        """Return the cross-entropy over heads, and over relations given the gold heads, in float32.

        Labels are heads and relations ``(batch, words, 2)``, -100 where there is none.
        """
        from torch.nn.functional import cross_entropy

        heads, relations = labels.unbind(dim=-1)
        of_heads = cross_entropy(
            output.heads.float().flatten(0, 1), heads.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        n_relations = output.relations.shape[2]
        places = heads.clamp(min=0)[:, :, None, None].expand(-1, -1, n_relations, 1)
        at_gold = output.relations.gather(3, places).squeeze(3).float().flatten(0, 1)
        return of_heads + cross_entropy(at_gold, relations.flatten(), ignore_index=IGNORED, reduction="sum")

    def n_targets(self, batch: Batch) -> int:
        """Return how many words of a batch have a head."""
        return int((batch["labels"][..., 0] != IGNORED).sum())

    def decode(self, output: ArcScores, batch: Batch, examples: Sequence[TreeExample]) -> list[Prediction]:
        """Return (sentence, word, head, relation id) for each word; head -1 for a word that was cut off.

        The tree maximises the log-probability of heads and of the best relation for each.

        Raises:
            TrainingError: A score is not finite.
        """
        import torch

        from layerlab.tasks.heads.biaffine import tree_scores
        from layerlab.tasks.heads.trees import best_trees

        logits = output.relations.detach().float()
        scores = tree_scores(output)
        trees = best_trees(scores.cpu().numpy(), [len(example.words) for example in examples])
        places = torch.from_numpy(trees).to(logits.device)[:, :, None, None]
        at_heads = logits.gather(3, places.expand(-1, -1, logits.shape[2], 1)).squeeze(3)
        relations = at_heads.argmax(dim=2).tolist()
        decoded: list[Prediction] = []
        for row, example in enumerate(examples):
            n_there = len(example.words)
            heads = trees[row, :n_there].tolist()
            found = itertools.chain(
                zip(heads, relations[row], strict=False), itertools.repeat((-1, -1), example.n_cut)
            )
            decoded.extend((example.sentence, word, *arc) for word, arc in enumerate(found))
        return decoded

    def score(
        self, sentences: Sequence[Sentence], labels: Sequence[str], decoded: Sequence[Prediction]
    ) -> list[Score]:
        """Return ``las``, ``uas`` and ``clas`` of the predictions of a whole corpus.

        n is the number of words, for CLAS of content words. The floor is that of a chain, see
        ``layerlab.tasks.metrics.floors``.

        Raises:
            LabelError: A word has no prediction or two, so that the score would not be of this corpus.
        """
        predicted = [
            [(head, labels[relation]) if head >= 0 else None for head, relation in words]
            for words in predictions_by_word(sentences, decoded)
        ]
        gold = [tuple(zip(sentence.heads, sentence.relations, strict=True)) for sentence in sentences]
        found = attachments_by_sentence(gold, predicted)
        content = ((2 * one.n_content_arcs, one.n_content + one.n_predicted_content) for one in found)
        las, uas, clas = chain_floors(gold)
        return [
            ratio_score("las", len(decoded), ((one.n_arcs, one.n_words) for one in found), floor=las),
            ratio_score("uas", len(decoded), ((one.n_heads, one.n_words) for one in found), floor=uas),
            ratio_score("clas", sum(one.n_content for one in found), content, floor=clas),
        ]


def _build(cut: CutWords, ids: dict[str, int], word: Word, index: int, sentence: Sentence) -> TreeExample:
    pieces = cut.pieces[index]
    before, after = cut.special
    ends = list(itertools.accumulate(map(len, pieces), initial=0))
    n_there = sum(end <= cut.room for end in ends[1:])
    arcs = list(zip(sentence.heads, sentence.relations, strict=True))[:n_there]
    return TreeExample(
        input_ids=(*before, *itertools.chain(*pieces[:n_there]), *after),
        words=tuple(
            len(before) + end + place_in_word(own, word, cut.blank)
            for end, own in zip(ends[:n_there], pieces, strict=False)
        ),
        heads=tuple(head if head <= n_there else IGNORED for head, _ in arcs),
        relations=tuple(
            ids.get(universal(relation), IGNORED) if head <= n_there else IGNORED for head, relation in arcs
        ),
        sentence=index,
        n_cut=len(pieces) - n_there,
        spans=spans_of([*map(len, pieces[:n_there])], len(before), len(after)) if word == "mean" else (),
    )


register_task(Parsing())
