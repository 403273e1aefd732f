"""Classification of sentence pairs from the first special token: inference and paraphrase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from layerlab.data.pairs import PAIR_FORMATS, Pair
from layerlab.data.remedies import find_label_remedy
from layerlab.errors import LabelError
from layerlab.tasks.encoding.padding import pad, pad_inputs
from layerlab.tasks.encoding.pair_inputs import PairExample, encode_pairs
from layerlab.tasks.label_checks import refuse_other_labels
from layerlab.tasks.metrics.floors import commonest_macro_f1, commonest_share
from layerlab.tasks.metrics.score import count_macro_f1, ratio_score
from layerlab.tasks.task import Batch, Encoded, HeadInput, Score, register_task

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedTokenizerBase

# In the order of the Hub's class labels.
INFERENCE_LABELS = ("entailment", "neutral", "contradiction")
PARAPHRASE_LABELS = ("0", "1")

# Pair, label id.
Prediction = tuple[int, int]


@dataclass(frozen=True)
class Pairs:
    """The task that gives a label to two sentences.

    Both are one input, framed as the tokenizer frames two texts; the head is a linear classifier on the last
    state of the first special token. Of pairs that are too long the longer sentence is cut first.

    Attributes:
        labels: The head's classes; empty to take the labels of the source.

    Reference: Devlin et al. (2019), BERT, section 3.2, without the pooling layer between state and
        classifier, which most encoders do not have.

    >>> Pairs("my-pairs").label_set([Pair("a", "b", "yes"), Pair("c", "d", "no")])
    ('no', 'yes')
    """

    name: str
    labels: tuple[str, ...] = ()
    formats: tuple[str, ...] = PAIR_FORMATS
    metric: str = "accuracy"
    version: int = 1

    head_input: ClassVar[HeadInput] = "first"
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1")

    def label_set(self, sentences: Sequence[Pair]) -> tuple[str, ...]:
        """Return the labels of the task, or if it has none of its own those of the pairs."""
        return self.labels or tuple(sorted({pair.label for pair in sentences if isinstance(pair, Pair)}))

    def check(self, sentences: Sequence[Pair], labels: Sequence[str], where: str) -> None:
        """Check that these are pairs, and with labels that the source has.

        Raises:
            LabelError: Names the labels that the source lacks, how often they occur, and the remedy.
        """
        other = next((one for one in sentences if not isinstance(one, Pair)), None)
        if other is not None:
            raise LabelError(
                f"{where}: task {self.name} takes pairs of sentences, got a {type(other).__name__}"
            )
        if len(labels) < 2:
            raise LabelError(
                f"{where}: task {self.name} needs at least 2 labels to tell apart; "
                f"the source has {', '.join(labels) or 'none'}"
            )
        owner = f"task {self.name}" if self.labels else "the source"
        refuse_other_labels((pair.label for pair in sentences), labels, find_label_remedy, where, owner)

    def encode(
        self,
        sentences: Sequence[Pair],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
    ) -> Encoded[PairExample]:
        """Return one :class:`PairExample` a pair; ``counts`` says how many pairs were cut.

        Raises:
            LabelError: A pair has a label that is not among ``labels``.
        """
        self.check(sentences, labels, f"task {self.name}")
        label_ids = [labels.index(pair.label) for pair in sentences]
        examples = encode_pairs(sentences, label_ids, tokenizer, max_length)
        counts = {"n_pairs": len(examples), "n_cut_pairs": sum(one.n_cut > 0 for one in examples)}
        return Encoded(examples, 0, 0, 0, counts)

    def build_head(self, hidden_size: int, n_labels: int, dropout: float) -> nn.Module:
        """Build the head; see :class:`layerlab.tasks.heads.linear.PairHead`."""
        from layerlab.tasks.heads.linear import PairHead

        return PairHead(hidden_size, n_labels, dropout)

    def collate(self, examples: Sequence[PairExample], pad_id: int) -> Batch:
        """Pad examples to the longest.

        Returns:
            ``input_ids``, ``attention_mask`` and ``token_type_ids`` ``(batch, tokens)``; ``labels``
            ``(batch,)``.
        """
        import torch

        return {
            **pad_inputs(examples, pad_id),
            "token_type_ids": pad([example.token_type_ids for example in examples], 0),
            "labels": torch.tensor([example.label for example in examples]),
        }

    def loss(self, output: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy of logits ``(batch, labels)`` summed over pairs, in float32."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(output.float(), labels, reduction="sum")

    def n_targets(self, batch: Batch) -> int:
        """Return how many pairs a batch has."""
        return len(batch["labels"])

    def decode(self, output: Tensor, batch: Batch, examples: Sequence[PairExample]) -> list[Prediction]:
        """Return (pair, label id) for each pair."""
        best: list[int] = output.argmax(dim=-1).tolist()
        return [(example.pair, label) for example, label in zip(examples, best, strict=True)]

    def score(
        self, sentences: Sequence[Pair], labels: Sequence[str], decoded: Sequence[Prediction]
    ) -> list[Score]:
        """Return ``accuracy`` and ``macro_f1`` of the predictions of a corpus; n is the number of pairs.

        The floor is that of the commonest label.

        Raises:
            LabelError: A pair has no prediction or two, so that the score would not be of this corpus.
        """
        found = dict(decoded)
        if not len(decoded) == len(found) == len(sentences):
            raise LabelError(f"{len(decoded)} predictions for {len(sentences)} pairs: expected one a pair")
        gold = [pair.label for pair in sentences]
        predicted = [labels[found[index]] for index in range(len(sentences))]
        right = ((one == other, 1) for one, other in zip(gold, predicted, strict=True))
        by_label = count_macro_f1(gold, predicted)
        return [
            ratio_score("accuracy", len(gold), right, floor=commonest_share(gold)),
            Score("macro_f1", by_label.value, len(gold), by_label, commonest_macro_f1(gold)),
        ]


#: Natural language inference, such as the controlled languages'.
NLI = Pairs("nli", INFERENCE_LABELS)
#: Natural language inference on the Hub (Conneau et al. 2018).
XNLI = Pairs("xnli", INFERENCE_LABELS)
#: Whether two sentences say the same (Yang et al. 2019).
PAWSX = Pairs("pawsx", PARAPHRASE_LABELS)
for _task in (NLI, XNLI, PAWSX):
    register_task(_task)
