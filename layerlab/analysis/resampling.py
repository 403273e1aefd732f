"""Hierarchical bootstrap of effects over seeds and test sentences, from what each sentence contributes.

Every score here is a ratio of sums over sentences: accuracy and LAS are right words over words, F1 is twice
the right entities over gold and predicted ones. A resample draws seeds, and one set of sentences for all of
them: the seeds were scored on the same sentences, so their luck with these does not average out.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from layerlab.analysis.inference import Floats, draw_weights, percentiles
from layerlab.errors import RecordsError

#: One row per run x target x metric x sentence; a score is the sum of ``hits`` over the sum of ``total``.
SENTENCE_COLUMNS = ("study", "run_id", "target", "metric", "sentence", "hits", "total")


class SentenceDraws:
    """Scores of runs on resampled sentences, the same resamples for all runs on a target.

    Attributes:
        resamples: How many there are.
    """

    def __init__(self, sentences: pd.DataFrame, resamples: int, seed: int = 0) -> None:
        """Take counts of sentences.

        Args:
            sentences: With the columns ``SENTENCE_COLUMNS``; a target's sentences have the same ``sentence``
                in all runs.
            resamples: How many resamples to draw.
            seed: Of the resamples.

        Raises:
            RecordsError: A column is missing.
        """
        missing = [name for name in SENTENCE_COLUMNS if name not in sentences.columns]
        if missing:
            raise RecordsError(
                f"the counts of sentences lack the columns {', '.join(missing)}; expected "
                f"{', '.join(SENTENCE_COLUMNS)}"
            )
        self.resamples = resamples
        self._seed = seed
        parts = sentences.groupby(["study", "run_id", "target", "metric"], sort=False)
        self._parts = {tuple(map(str, key)): part for key, part in parts if isinstance(key, tuple)}
        self._weights: dict[tuple[str, str], tuple[list[object], Floats]] = {}
        self._scores: dict[tuple[str, ...], Floats] = {}

    def scores(self, study: str, run_id: str, target: str, metric: str, value: float) -> Floats | None:
        """Give a run's score in every resample of a target's sentences, ``(resamples,)``.

        Args:
            study: The run's study.
            run_id: The run.
            target: The target.
            metric: The metric.
            value: The recorded score, which the counts have to give.

        Returns:
            The scores; None where the run's sentences were not counted.

        Raises:
            RecordsError: The counts do not give the recorded score, or are of other sentences than those
                of another run on the target.
        """
        key = (study, run_id, target, metric)
        if key in self._parts and key not in self._scores:
            part = self._parts[key].sort_values("sentence")
            counts = part[["hits", "total"]].to_numpy(np.float64)
            hits, total = counts.sum(axis=0)
            if not np.isclose(hits, value * total, rtol=1e-6):
                raise RecordsError(
                    f"run {run_id}, target {target}: the counts of sentences give {metric} "
                    f"{hits / total:.6f}, the records say {value:.6f}"
                )
            sums = self._resampled(study, target, part["sentence"].tolist(), run_id) @ counts
            with np.errstate(divide="ignore", invalid="ignore"):
                self._scores[key] = sums[:, 0] / sums[:, 1]
        return self._scores.get(key)

    def _resampled(self, study: str, target: str, sentences: list[object], run_id: str) -> Floats:
        """Give how often each sentence of a target occurs in the resamples, ``(resamples, sentences)``."""
        if (study, target) not in self._weights:
            generator = np.random.default_rng([self._seed, zlib.crc32(target.encode())])
            weights = draw_weights(len(sentences), self.resamples, generator)
            self._weights[study, target] = (sentences, weights)
        known, weights = self._weights[study, target]
        if known != sentences:
            raise RecordsError(
                f"run {run_id}, target {target}: counts of {len(sentences)} sentences, which are not the "
                f"{len(known)} that other runs were counted on"
            )
        return weights


def hierarchical_interval(
    draws: Sequence[Floats], *, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Give the percentile interval of a mean over seeds when seeds and sentences are resampled together.

    Args:
        draws: For each seed the difference in every resample of the sentences, ``(resamples,)``; the same
            resamples for all seeds.
        level: The coverage aimed at.
        seed: Of the resamples of the seeds.
    """
    by_seed = np.stack(list(draws), axis=1)
    resamples, n_seeds = by_seed.shape
    shares = draw_weights(n_seeds, resamples, np.random.default_rng(seed)) / n_seeds
    low, high = percentiles((by_seed * shares).sum(axis=1), level)
    return float(low), float(high)
