"""How often 95% intervals hold the true effect, by seeds and by what varies: the table of statistics.md.

``python docs/interval_coverage.py`` prints it as Markdown, in about three minutes. A study of one ablation on
one target is drawn anew 1,000 times: 200 test sentences of 5 to 30 words, of which some are harder and some
lose more by the ablation, and seeds of which some lose more than others. The truth is the mean effect over
all seeds and sentences.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from layerlab.analysis.effects.sensitivity import t_interval
from layerlab.analysis.sentences.variance import hierarchical_interval
from layerlab.analysis.significance.inference import draw_weights, percentiles

Floats = npt.NDArray[np.float64]
STUDIES, SENTENCES, RESAMPLES = 1000, 200, 400
#: How much seeds and sentences vary in what the ablation costs, in logits.
VARIES = {"seeds": (0.3, 0.3), "both": (0.1, 0.7), "sentences": (0.03, 1.0)}
KINDS = ("t", "bootstrap", "hierarchical")


def right(logits: Floats) -> Floats:
    """Return the probability that a word is right."""
    return np.asarray(1 / (1 + np.exp(-logits)))


def intervals(
    n_seeds: int, of_seeds: float, of_sentences: float, rng: np.random.Generator
) -> Iterator[tuple[float, float]]:
    """Draw one study and yield its intervals, in the order of ``KINDS``."""
    total = rng.integers(5, 31, SENTENCES)
    ease, loss = rng.normal(1, 1, SENTENCES), rng.normal(0.5, of_sentences, SENTENCES)
    before = rng.binomial(total, right(ease + np.zeros((n_seeds, 1))))
    after = rng.binomial(total, right(ease - loss - rng.normal(0, of_seeds, (n_seeds, 1))))
    scores = [hits.sum(axis=1) / total.sum() for hits in (before, after)]
    moved = [
        (hits - score[:, None] * total) / total.sum()
        for hits, score in zip((before, after), scores, strict=True)
    ]
    effects = scores[0] - scores[1]
    yield t_interval(effects.tolist())
    weights, shares = draw_weights(SENTENCES, RESAMPLES, rng), draw_weights(n_seeds, RESAMPLES, rng) / n_seeds
    drawn = (weights @ (before - after).T) / (weights @ total)[:, None]
    low, high = percentiles((drawn * shares).sum(axis=1))
    yield float(low), float(high)
    yield hierarchical_interval(effects, [moved[0] - moved[1]])


def coverage(n_seeds: int, of_seeds: float, of_sentences: float, rng: np.random.Generator) -> list[float]:
    """Return the share of studies whose interval holds the truth, of each kind."""
    ease = rng.normal(1, 1, 2_000_000)
    loss = rng.normal(0.5, of_sentences, len(ease)) + rng.normal(0, of_seeds, len(ease))
    truth = float((right(ease) - right(ease - loss)).mean())
    held = np.zeros(len(KINDS))
    for _ in range(STUDIES):
        found = intervals(n_seeds, of_seeds, of_sentences, rng)
        held += [low <= truth <= high for low, high in found]
    return [float(share) for share in held / STUDIES]


def main() -> None:
    """Print the table."""
    print("| what varies more | seeds | t over seeds | joint bootstrap | hierarchical |")
    print("|---|---:|---:|---:|---:|")
    rng = np.random.default_rng(0)
    for name, (of_seeds, of_sentences) in VARIES.items():
        for n_seeds in (2, 3, 4, 8):
            shares = coverage(n_seeds, of_seeds, of_sentences, rng)
            cells = " | ".join(f"{share:.2f}".lstrip("0") for share in shares)
            print(f"| {name} | {n_seeds} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
