"""Hierarchical bootstrap of effects over seeds and test sentences, from what each sentence contributes.

Every score here is a ratio of sums over sentences: accuracy and LAS are right words over words, F1 is twice
the right entities over gold and predicted ones; or as macro F1 it is the mean of some. A resample draws
seeds, and one set of sentences for all of them: the seeds were scored on the same sentences, so their luck
with these does not average out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from layerlab.analysis.significance.inference import Floats, draw_weights, percentiles
from layerlab.errors import RecordsError

#: One row per run x target x metric x sentence; a score is the sum of ``hits`` over the sum of ``total``.
SENTENCE_COLUMNS = ("study", "run_id", "target", "metric", "sentence", "hits", "total")

#: Optional column: a score of several parts, such as the labels of macro F1, is the mean of their ratios.
PART = "part"
_CHUNK = 4_000_000  # numbers held at once while a target's sentences are resampled
_Key = tuple[str, ...]  # study, run, target, metric


class SentenceDraws:
    """Scores of runs on resampled sentences, the same resamples for all runs on a target."""

    def __init__(self, sentences: pd.DataFrame, resamples: int, seed: int = 0) -> None:
        """Take counts of sentences, with the columns ``SENTENCE_COLUMNS``.

        A target's sentences have the same ``sentence`` in all runs.

        Raises:
            RecordsError: A column is missing.
        """
        missing = [name for name in SENTENCE_COLUMNS if name not in sentences.columns]
        if missing:
            raise RecordsError(
                f"the counts of sentences lack the columns {', '.join(missing)}; expected "
                f"{', '.join(SENTENCE_COLUMNS)}"
            )
        self._resamples = resamples
        self._seed = seed
        if PART not in sentences.columns:
            sentences = sentences.assign(**{PART: ""})
        groups = sentences.groupby(["study", "run_id", "target", "metric"], sort=False, observed=True)
        self._parts: dict[_Key, pd.DataFrame] = {
            tuple(map(str, key)): part for key, part in groups if isinstance(key, tuple)
        }
        self._scores: dict[_Key, Floats] = {}
        self._values: dict[_Key, float] = {}  # on the sentences as they are

    def scores(self, study: str, run_id: str, target: str, metric: str, value: float) -> Floats | None:
        """Return a run's score in every resample of a target's sentences, ``(resamples,)``.

        ``value`` is the recorded score, which the counts have to give. None where they were not counted.

        Raises:
            RecordsError: The counts do not give the recorded score, or are of other sentences than those
                of another run on the target.
        """
        key = (study, run_id, target, metric)
        if key not in self._parts:
            return None
        if key not in self._scores:
            together = [one for one in self._parts if (one[0], one[2], one[3]) == (study, target, metric)]
            self._scores |= self._score(together)
        counted = self._values[key]
        if not np.isclose(counted, value, rtol=1e-6, atol=1e-9):
            raise RecordsError(
                f"run {run_id}, target {target}: the counts of sentences give {metric} "
                f"{counted:.6f}, the records say {value:.6f}"
            )
        return self._scores[key]

    def _score(self, keys: list[_Key]) -> dict[_Key, Floats]:
        """Return the scores of runs on one target and metric in every resample of its sentences."""
        known: list[object] = []
        columns: list[Floats] = []  # hits and total of each part of each run, (sentences,)
        places: dict[_Key, slice] = {}
        for key in keys:
            start = len(columns)
            for _, part in self._parts[key].groupby(PART, observed=True):
                ordered = part.sort_values("sentence")
                sentences = ordered["sentence"].tolist()
                known = known or sentences
                if sentences != known:
                    raise RecordsError(
                        f"run {key[1]}, target {key[2]}: counts of {len(sentences)} sentences, which are not "
                        f"the {len(known)} that other runs were counted on"
                    )
                columns += [ordered[name].to_numpy(np.float64) for name in ("hits", "total")]
            places[key] = slice(start, len(columns))
        counts = np.stack(columns, axis=1)
        for key, place in places.items():
            self._values[key] = float(np.nan_to_num(_mean_ratio(counts[:, place].sum(axis=0)[None]))[0])
        found = {key: np.empty(self._resamples) for key in keys}
        for rows, weights in self._weights(keys[0][2], len(known)):
            sums = weights @ counts
            for key, place in places.items():
                found[key][rows] = _mean_ratio(sums[:, place])
        return found

    def _weights(self, target: str, n: int) -> Iterator[tuple[slice, Floats]]:
        """Return how often each sentence of a target occurs in the resamples, some resamples at a time."""
        generator = np.random.default_rng([self._seed, zlib.crc32(target.encode())])
        size = max(1, _CHUNK // n)
        for start in range(0, self._resamples, size):
            rows = slice(start, min(start + size, self._resamples))
            yield rows, draw_weights(n, rows.stop - start, generator)


def _mean_ratio(sums: Floats) -> Floats:
    """Return the mean over parts of hits over total, of ``(resamples, 2 * parts)``; totals may be 0."""
    hits, total = sums[:, 0::2], sums[:, 1::2]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = hits / total
        return np.asarray(np.nansum(ratios, axis=1) / (total > 0).sum(axis=1))


def hierarchical_interval(
    draws: Sequence[Floats], *, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile interval of a mean over seeds when seeds and sentences are resampled together.

    For each seed there is the difference in every resample of the sentences, ``(resamples,)``, which are the
    same for all seeds.
    """
    by_seed = np.stack(list(draws), axis=1)
    resamples, n_seeds = by_seed.shape
    shares = draw_weights(n_seeds, resamples, np.random.default_rng(seed)) / n_seeds
    low, high = percentiles((by_seed * shares).sum(axis=1), level)
    return float(low), float(high)
