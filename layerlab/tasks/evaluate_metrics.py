"""The metrics in the form of the ``evaluate`` library; they need no network and no ``evaluate.load``."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate

from layerlab.tasks.metrics import Sequences, span_scores, word_accuracy


def _info(description: str, citation: str = "") -> evaluate.MetricInfo:
    tags = datasets.Sequence(datasets.Value("string"))
    return evaluate.MetricInfo(
        description=description,
        citation=citation,
        inputs_description="predictions, references: lists of sentences, each a list of tags",
        features=datasets.Features({"predictions": tags, "references": tags}),
    )


class WordAccuracy(evaluate.Metric):  # type: ignore[misc]
    """Fraction of words with the right tag: ``{"accuracy": ...}``.

    >>> WordAccuracy().compute(predictions=[["NOUN", "VERB"]], references=[["NOUN", "NOUN"]])
    {'accuracy': 0.5}
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"keep_in_memory": True, **options})

    def _info(self) -> evaluate.MetricInfo:
        return _info("Fraction of words with the right tag.")

    def _compute(self, *, predictions: Sequences, references: Sequences) -> dict[str, float]:
        return {"accuracy": word_accuracy(references, predictions)}


class SpanF1(evaluate.Metric):  # type: ignore[misc]
    """Entity F1 on IOB2 tags, strict by default: ``span_precision``, ``span_recall``, ``span_f1``.

    With ``lenient=True`` in ``compute`` the names end in ``_lenient``.

    >>> scores = SpanF1().compute(predictions=[["B-PER", "O"]], references=[["B-PER", "B-LOC"]])
    >>> scores["span_precision"], scores["span_recall"]
    (1.0, 0.5)
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"keep_in_memory": True, **options})

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
