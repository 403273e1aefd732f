"""One pretraining looked at after ever more steps: which rows of records are of the same encoder, and when.

Reference: Blevins, Gonen, Zettlemoyer (2022), "Analyzing the Mono- and Cross-Lingual Pretraining Dynamics of
Multilingual Language Models".
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from layerlab.analysis.records.tidy import BASELINE
from layerlab.names import DIRECTIONS, PRETRAINED, PROBE

_PLACE: Final = ["study", "encoder"]


def emerging_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of encoders that were kept after several steps, without ablations.

    The column ``encoder`` has the name that an encoder has after its last step: that of ``small@1000`` is
    ``small``.
    """
    if "step" not in frame.columns:
        return frame.iloc[:0].assign(encoder="")
    rows = frame[frame["step"].notna() & frame["ablation"].isin([BASELINE, PROBE]) & frame["value"].notna()]
    rows = rows.assign(encoder=names_at_end(rows))
    return rows[rows.groupby(_PLACE)["step"].transform("nunique") > 1]


def names_at_end(rows: pd.DataFrame) -> list[str]:
    """Return for each row the name that its encoder has after its last step."""
    pairs = zip(rows["model"], rows["step"], strict=True)
    return [str(model).removesuffix(f"@{step}") for model, step in pairs]


def structure_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what of such rows is of single layers of encoders that were not fine-tuned, by ``quantity``.

    These are probes of targets, called ``probe UPOS`` and so on by their task, and measures of source and
    target before fine-tuning, each called by its name.
    """
    layers = rows[rows["layer"].notna()]
    probes = layers[(layers["ablation"] == PROBE) & layers["main"].astype(bool)]
    measures = layers[layers["metric"].str.endswith(PRETRAINED)]
    names = measures["metric"].str.removesuffix(PRETRAINED)
    found = pd.concat([measures.assign(quantity=names), probes.assign(quantity="probe " + probes["task"])])
    apart = found["target"] != found["source"]
    return found[apart & ~found["quantity"].str.endswith(DIRECTIONS)]


def means_by_step(rows: pd.DataFrame) -> pd.DataFrame:
    """Average rows of one quantity over targets and seeds: a row for each level, a column for each step."""
    by_seed = rows.groupby(["layer", "step", "seed"])["value"].mean()
    return by_seed.groupby(["layer", "step"]).mean().unstack("step")
