"""Attachment scores of dependency trees on gold words: UAS, LAS and CLAS as CoNLL 2018 defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from layerlab.errors import LabelError

#: Relations between content words; all others are of function words and punctuation.
CONTENT_RELATIONS = frozenset(
    {
        "nsubj", "obj", "iobj", "csubj", "ccomp", "xcomp", "obl", "vocative", "expl", "dislocated", "advcl",
        "advmod", "discourse", "nmod", "appos", "nummod", "acl", "amod", "conj", "fixed", "flat", "compound",
        "list", "parataxis", "orphan", "goeswith", "reparandum", "root", "dep",
    }
)  # fmt: skip

# Head (1-based, 0 is the root) and relation; None is a word without prediction.
Arc = tuple[int, str] | None
Trees = Sequence[Sequence[Arc]]


@dataclass(frozen=True)
class AttachmentScores:
    """Counts over the words of a corpus, punctuation included.

    Attributes:
        n_words: Words.
        n_heads: Words with the right head.
        n_arcs: Words with the right head and relation.
        n_content: Content words of the gold trees.
        n_predicted_content: Content words of the predicted trees.
        n_content_arcs: Content words of the gold trees with the right head and relation.
    """

    n_words: int
    n_heads: int
    n_arcs: int
    n_content: int
    n_predicted_content: int
    n_content_arcs: int

    @property
    def uas(self) -> float:
        """Fraction of words with the right head, 0 if there is no word."""
        return self.n_heads / self.n_words if self.n_words else 0.0

    @property
    def las(self) -> float:
        """Fraction of words with the right head and relation, 0 if there is no word."""
        return self.n_arcs / self.n_words if self.n_words else 0.0

    @property
    def clas(self) -> float:
        """F1 of the arcs of content words, which the gold and the predicted trees count differently."""
        total = self.n_content + self.n_predicted_content
        return 2 * self.n_content_arcs / total if total else 0.0


def universal(relation: str) -> str:
    """Return the universal part of a relation, without the language's subtype.

    >>> universal("nsubj:pass"), universal("obl")
    ('nsubj', 'obl')
    """
    return relation.partition(":")[0]


def attachment_scores(gold: Trees, predicted: Trees) -> AttachmentScores:
    """Count words that are attached as in the gold trees; subtypes of relations are not compared.

    Args:
        gold: For each sentence the head and the relation of each word.
        predicted: Likewise; None counts as wrong.

    Raises:
        LabelError: Numbers of sentences or words differ, or a gold word has no head.

    Reference: Zeman et al. (2018), CoNLL 2018 Shared Task: Multilingual Parsing from Raw Text to Universal
        Dependencies, section 3; Nivre and Fang (2017) for CLAS.

    >>> gold = [[(2, "det"), (3, "nsubj:pass"), (0, "root")]]
    >>> scores = attachment_scores(gold, [[(3, "det"), (3, "nsubj"), (0, "root")]])
    >>> round(scores.uas, 2), round(scores.las, 2), scores.clas
    (0.67, 0.67, 1.0)
    """
    found = attachments_by_sentence(gold, predicted)
    return AttachmentScores(*(sum(counts) for counts in zip([0] * 6, *map(astuple, found), strict=True)))


def attachments_by_sentence(gold: Trees, predicted: Trees) -> list[AttachmentScores]:
    """Count the words of each sentence as ``attachment_scores`` counts those of all, and raise as it does."""
    if len(gold) != len(predicted):
        raise LabelError(f"{len(gold)} gold sentences, but {len(predicted)} predicted ones")
    found = []
    for number, (gold_arcs, arcs) in enumerate(zip(gold, predicted, strict=True)):
        n_heads = n_arcs = n_content = n_predicted_content = n_content_arcs = 0
        if len(gold_arcs) != len(arcs) or None in gold_arcs:
            raise LabelError(
                f"sentence {number}: {len(gold_arcs) - gold_arcs.count(None)} gold arcs, "
                f"but {len(arcs)} predicted words"
            )
        for wanted, got in zip(gold_arcs, arcs, strict=True):
            assert wanted is not None
            relation = universal(wanted[1])
            right = got is not None and got[0] == wanted[0]
            labelled = right and got is not None and universal(got[1]) == relation
            content = relation in CONTENT_RELATIONS
            n_heads += right
            n_arcs += labelled
            n_content += content
            n_predicted_content += got is not None and universal(got[1]) in CONTENT_RELATIONS
            n_content_arcs += content and labelled
        found.append(
            AttachmentScores(len(arcs), n_heads, n_arcs, n_content, n_predicted_content, n_content_arcs)
        )
    return found
