"""Whether sentences find their translations, against an encoder that was never trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from layerlab.ablation.interventions.donors import draw_encoder
from layerlab.inspection.finding import Finding, Verdict
from layerlab.measures.retrieval import retrieve
from layerlab.measures.states import States, sentence_states
from layerlab.models.encoder import Encoder

if TYPE_CHECKING:
    from layerlab.data.bitext import Bitext
    from layerlab.models.tokenizers import Tokenizers


def look_at_translations(
    encoder: Encoder, tokenizers: Tokenizers, bitexts: Sequence[Bitext], *, decides: bool
) -> tuple[list[Finding], float]:
    """Compare retrieval at the best level with that of an untrained twin.

    Translations share names and numbers, so that an untrained encoder finds some; one that was trained and is
    whole finds more.

    Args:
        encoder: Looked at.
        tokenizers: Its tokenizers.
        bitexts: Sentences and their translations.
        decides: Whether an encoder that finds no more is broken; otherwise it is doubtful, since something
            else has shown that it works.

    Returns:
        Findings by language, and the largest state that was met.
    """
    twin = draw_encoder(encoder.base, "library", seed=0)
    # Bitexts of the same source share its sentences.
    texts = {
        id(side): (side, language)
        for one in bitexts
        for side, language in ((one.sources, one.source), (one.targets, one.target))
    }
    own, base = (
        {key: sentence_states(model, side, tokenizers, language=of) for key, (side, of) in texts.items()}
        for model in (encoder, twin)
    )
    scores = []
    for one in bitexts:
        sides = (id(one.sources), id(one.targets))
        found, drawn = (best_level(*(states[side] for side in sides)) for states in (own, base))
        scores.append((one.target, found, drawn, len(one)))
    largest = max(float(np.abs(states).max()) for states in own.values())
    return list(_judge(scores, decides)), largest


def best_level(source: States, target: States) -> tuple[int, float]:
    """Return the level at which retrieval is best, and its accuracy, a fraction."""
    found = [retrieve(x, y, "csls").mean for x, y in zip(source, target, strict=True)]
    level = int(np.argmax(found))
    return level, found[level]


def _judge(
    scores: Sequence[tuple[str, tuple[int, float], tuple[int, float], int]], decides: bool
) -> Iterator[Finding]:
    mean = float(np.mean([own[1] - twin[1] for _, own, twin, _ in scores]))
    verdict: Verdict = "good" if mean > 0 else "broken" if decides else "doubtful"
    for language, own, twin, n in scores:
        found = f"{own[1]:.0%} of {n} found after {own[0]} layers; untrained twin {twin[1]:.0%}"
        here: Verdict = "good" if own[1] > twin[1] else "doubtful" if mean > 0 else verdict
        yield Finding("translations", here, found, language)
