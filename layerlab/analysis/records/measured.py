"""What ``layerlab measure`` gives as tidy records: encoders that are measured outside of a study."""

from __future__ import annotations

from typing import Final

import pandas as pd

from layerlab.names import MEASURED

_STUDY: Final = "alignment"
_OLD: Final = ("model", "source", "target", "layer", "measure", "value", "n")


def complete_measured(frame: pd.DataFrame) -> pd.DataFrame:
    """Add what all rows (model, source, target, layer, metric, value, n) of measured encoders have in common.

    A ``run_id`` is one model and source.
    """
    pairs = zip(frame["model"], frame["source"], strict=True)
    return frame.assign(
        study=_STUDY,
        run_id=[f"{model}/{source}" for model, source in pairs],
        fit_id="",
        task="",
        ablation=MEASURED,
        phase="none",
        intervention="none",
        layers="",
        first_layer=None,
        last_layer=None,
        split="parallel",
        seed=None,
    )


def upgrade_alignment(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn rows that ``layerlab measure`` wrote before they were records into records; leave others alone.

    >>> old = pd.DataFrame([("mbert", "en", "de", 0, "cka", 0.5, 99)], columns=_OLD)
    >>> upgrade_alignment(old)[["run_id", "metric", "split"]].iloc[0].tolist()
    ['mbert/en', 'cka', 'parallel']
    """
    if not set(_OLD) <= set(frame.columns) or "metric" in frame.columns:
        return frame
    return complete_measured(frame.rename(columns={"measure": "metric"}))
