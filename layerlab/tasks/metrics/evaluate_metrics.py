"""The metrics in the form of the ``evaluate`` library; they need no network and no ``evaluate.load``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import datasets
import evaluate

from layerlab.errors import LabelError
from layerlab.tasks.metrics.attachment import Arc, attachment_scores
from layerlab.tasks.metrics.spans import Sequences, span_scores, word_accuracy

_STRINGS = datasets.Sequence(datasets.Value("string"))


def _info(
    description: str, citation: str = "", sentence: Any = _STRINGS, form: str = "a list of tags"
) -> evaluate.MetricInfo:
    return evaluate.MetricInfo(
        description=description,
        citation=citation,
        inputs_description=f"predictions, references: lists of sentences, each {form}",
        features=datasets.Features({"predictions": sentence, "references": sentence}),
    )


class _InMemory(evaluate.Metric):  # type: ignore[misc]
    """A metric that writes no files unless it is asked to."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"keep_in_memory": True, **options})


class WordAccuracy(_InMemory):
    """Fraction of words with the right tag: ``{"accuracy": ...}``.

    >>> WordAccuracy().compute(predictions=[["NOUN", "VERB"]], references=[["NOUN", "NOUN"]])
    {'accuracy': 0.5}
    """

    def _info(self) -> evaluate.MetricInfo:
        return _info("Fraction of words with the right tag.")

    def _compute(self, *, predictions: Sequences, references: Sequences) -> dict[str, float]:
        return {"accuracy": word_accuracy(references, predictions)}


class SpanF1(_InMemory):
    """Entity F1 on IOB2 tags, strict by default: ``span_precision``, ``span_recall``, ``span_f1``.

    With ``lenient=True`` in ``compute`` the names end in ``_lenient``.

    >>> scores = SpanF1().compute(predictions=[["B-PER", "O"]], references=[["B-PER", "B-LOC"]])
    >>> scores["span_precision"], scores["span_recall"]
    (1.0, 0.5)
    """

    def _info(self) -> evaluate.MetricInfo:
        return _info("Micro-averaged F1 of entities that are right in type and in both ends.")

    def _compute(
        self, *, predictions: Sequences, references: Sequences, lenient: bool = False
    ) -> dict[str, float]:
        counts = span_scores(references, predictions, lenient=lenient)
        end = "_lenient" if lenient else ""
        return {
            f"span_precision{end}": counts.precision,
            f"span_recall{end}": counts.recall,
            f"span_f1{end}": counts.f1,
        }


class Attachment(_InMemory):
    """Attachment scores of dependency trees on gold words: ``uas``, ``las``, ``clas``, as in CoNLL 2018.

    A tree is a dict of ``heads`` (1-based, 0 for the root) and ``relations``, one of each a word. A predicted
    head of -1 is a word without prediction, which is wrong. Punctuation counts, subtypes of relations do not.

    Reference: Zeman et al. (2018), CoNLL 2018 Shared Task: Multilingual Parsing from Raw Text to Universal
        Dependencies.

    >>> gold = {"heads": [2, 0], "relations": ["nsubj:pass", "root"]}
    >>> Attachment().compute(predictions=[{"heads": [2, 0], "relations": ["obj", "root"]}], references=[gold])
    {'uas': 1.0, 'las': 0.5, 'clas': 0.5}
    """

    def _info(self) -> evaluate.MetricInfo:
        tree = {"heads": datasets.Sequence(datasets.Value("int32")), "relations": _STRINGS}
        return _info(
            "Attachment scores of dependency trees on gold words, as CoNLL 2018 defines them.",
            "Zeman et al. (2018), CoNLL 2018 Shared Task: Multilingual Parsing from Raw Text to Universal "
            "Dependencies",
            tree,
            "a dict of heads and relations",
        )

    def _compute(self, *, predictions: Sequence[_Tree], references: Sequence[_Tree]) -> dict[str, float]:
        gold, predicted = (
            [_arcs(tree, f"{side} {number}") for number, tree in enumerate(trees)]
            for side, trees in (("reference", references), ("prediction", predictions))
        )
        scores = attachment_scores(gold, predicted)
        return {"uas": scores.uas, "las": scores.las, "clas": scores.clas}


_Tree = Mapping[str, Sequence[Any]]


def _arcs(tree: _Tree, where: str) -> list[Arc]:
    """Return a tree as (head, relation) of each word, None for a word without prediction.

    Raises:
        LabelError: Not as many heads as relations.
    """
    heads, relations = tree["heads"], tree["relations"]
    if len(heads) != len(relations):
        raise LabelError(
            f"{where}: {len(heads)} heads, but {len(relations)} relations; expected one of each a word"
        )
    return [
        (int(head), str(relation)) if head >= 0 else None
        for head, relation in zip(heads, relations, strict=True)
    ]
