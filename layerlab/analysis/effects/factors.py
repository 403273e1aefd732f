"""Factors of pretraining as ablations: an encoder that lacks one beside the encoder that it is compared with.

Records say of an encoder which other one it differs from by a factor (``against``). Without any further
ablation it is then an ablation of that other encoder, in the phase of pretraining. Seeds are paired: where
each one is of a pretraining and of a fine-tuning, intervals and tests are over pretrainings.

Reference: Wu, Conneau, Li, Zettlemoyer, Stoyanov (2020), "Emerging Cross-lingual Structure in Pretrained
Language Models", Table 1.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from layerlab.analysis.effects.sweeps import FACTORS, select_scores
from layerlab.analysis.records.tidy import BASELINE

_DONE: Final = {"phase": "pretraining", "intervention": "factor", "sweep": FACTORS, "against": ""}


def comparable_scores(
    frame: pd.DataFrame, metric: str | None = None, split: str | None = None
) -> pd.DataFrame:
    """Return the scores that ``select_scores`` selects, in which factors of pretraining are ablations."""
    return with_factors(select_scores(frame, metric, split))


def lacks_factor(frame: pd.DataFrame) -> pd.Series[bool]:
    """Return for each row of records whether its encoder is compared with another one."""
    others = frame["against"].astype(object)
    return others.notna() & (others != "")


def with_factors(scores: pd.DataFrame) -> pd.DataFrame:
    """Add the scores of encoders that are compared with another one, as scores of ablations of that one."""
    lacking = scores[(scores["ablation"] == BASELINE) & lacks_factor(scores)]
    if lacking.empty:
        return scores
    # An encoder may be called as the baseline is.
    called = lacking["model"].where(lacking["model"] != BASELINE, f"pretraining {BASELINE}")
    names = {"model": lacking["against"], "ablation": called}
    return pd.concat([scores, lacking.assign(**names, **_DONE)], ignore_index=True)
