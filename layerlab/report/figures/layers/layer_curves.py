"""Measures of layers in tidy records: which rows they are, their means by layer, and curves of them.

A measure's rows have ``layer``: 0 is the output of the embeddings (for weights, the embeddings), i + 1 that
of layer i. What was measured on the pretrained encoder has the suffix ``_pretrained`` and is part of the
baseline's runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes

from layerlab.analysis.effects.sensitivity import t_interval
from layerlab.analysis.records.tidy import BASELINE
from layerlab.errors import RecordsError, unknown
from layerlab.names import DIRECTIONS, MEASURED, PRETRAINED
from layerlab.report.figures.figure import by_setting
from layerlab.report.style.axes import draw_band, label_depth
from layerlab.report.style.style import line_style

#: What makes the runs of one fine-tuning setting; a measure has no split or metric of scores.
PLACE = ("study", "model", "task", "source")
_SPLITS = ("parallel", "weights")
_MOST_COLOURS = 7  # lines that differ by colour alone; more of one sweep go from dark to light
MOST_BANDS = 4  # of more curves, only the fine-tuned encoder's has one


def measure_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Select the rows of measures, without single directions of retrieval.

    The column ``measure`` has the name without suffix; ``pretrained`` says whether a row is of the pretrained
    encoder.
    """
    within = frame["split"].isin(_SPLITS) & (frame["ablation"] != MEASURED)
    rows = frame[frame["layer"].notna() & within & frame["value"].notna()]
    names = rows["metric"].str
    rows = rows.assign(pretrained=names.endswith(PRETRAINED), measure=names.removesuffix(PRETRAINED))
    return rows[~rows["measure"].str.endswith(DIRECTIONS)]


#: How measures of a level and the one below it begin.
STEP = "step"


def between_languages(frame: pd.DataFrame) -> pd.DataFrame:
    """Select the rows of measures that compare source and target, as CKA and retrieval do."""
    rows = measure_rows(frame)
    return rows[~rows["measure"].str.startswith(("change", "drift", STEP))]


def rows_of_measure(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Select the rows of one measure.

    Raises:
        RecordsError: The records have no measure, or not this one.
    """
    rows = measure_rows(frame)
    if rows.empty:
        raise RecordsError("these records have no measures of layers: the study needs 'measures'")
    found = rows[rows["measure"] == measure]
    if found.empty:
        raise RecordsError(unknown("measure", measure, set(rows["measure"])))
    return found


def measures_of(rows: pd.DataFrame) -> Iterator[tuple[dict[str, str], str, pd.DataFrame]]:
    """Part rows of measures by setting and measure, CKA first."""
    for where, part in by_setting(rows, PLACE):
        for measure in sorted(set(part["measure"]), key=lambda name: (not name.startswith("cka"), name)):
            yield where, str(measure), part[part["measure"] == measure]


def layer_means(rows: pd.DataFrame) -> pd.DataFrame:
    """Average one condition's rows of one measure: over targets within a seed, then over seeds.

    Returns:
        By ``layer``: ``mean``, the 95% t interval over seeds ``low`` to ``high`` (missing for one seed),
        ``n_seeds``. Only seeds count that have as many targets as any.
    """
    values: dict[int, dict[int, dict[str, float]]] = {}
    wanted = rows[["layer", "seed", "target", "value"]].sort_values("layer", kind="stable")
    for layer, seed, target, value in wanted.itertuples(index=False, name=None):
        values.setdefault(int(layer), {}).setdefault(int(seed), {})[str(target)] = float(value)
    found = {}
    for layer, by_seed in values.items():
        n_targets = max(map(len, by_seed.values()))
        means = [fmean(one.values()) for one in by_seed.values() if len(one) == n_targets]
        found[layer] = (fmean(means), *t_interval(means), len(means))
    return pd.DataFrame.from_dict(found, orient="index", columns=["mean", "low", "high", "n_seeds"])


def conditions(rows: pd.DataFrame, ablated: Sequence[str] = ()) -> dict[str, pd.DataFrame]:
    """Part rows of one measure into the pretrained, the fine-tuned and the ablated encoders, by name."""
    own = rows[~rows["pretrained"]]
    parts = {
        "pretrained": rows[rows["pretrained"] & (rows["ablation"] == BASELINE)],
        "fine-tuned": own[own["ablation"] == BASELINE],
    }
    parts |= {name: own[own["ablation"] == name] for name in ablated}
    return {name: part for name, part in parts.items() if len(part)}


def condition_styles(names: Sequence[str], *, ordered: bool = False) -> dict[str, dict[str, Any]]:
    """Choose how conditions look: the fine-tuned encoder black, the pretrained grey, ablated ones coloured.

    Where the ablated ones lie in the order of the layers, more than seven go from dark to light.
    """
    fixed: Mapping[str, dict[str, Any]] = {
        "pretrained": {"color": "0.45", "linestyle": (0, (4, 1.5)), "marker": "s", "lw": 1.4},
        "fine-tuned": {"color": "black", "linestyle": "-", "marker": "o", "lw": 1.4},
    }
    others = [name for name in names if name not in fixed]
    styles = dict(fixed)
    for index, name in enumerate(others):
        styles[name] = line_style(index) | {"lw": 0.9, "marker": ""}
        if ordered and len(others) > _MOST_COLOURS:
            shade = mpl.colormaps["viridis"](0.92 * index / (len(others) - 1))
            styles[name] |= {"color": shade, "linestyle": "-"}
    return {name: styles[name] for name in names}


def draw_curves(axis: Axes, curves: Mapping[str, pd.DataFrame], styles: Mapping[str, dict[str, Any]]) -> None:
    """Draw means by layer (``layer_means`` by label), with their intervals as bands where they are few."""
    banded = len(curves) <= MOST_BANDS
    for label, curve in curves.items():
        style = {"ms": 2.6} | styles[label]
        axis.plot(curve.index, curve["mean"], label=label, **style)
        # A measure of the pretrained encoder is the same for every seed.
        if label != "pretrained" and (banded or label == "fine-tuned"):
            draw_band(axis, curve.index, curve["low"], curve["high"], style["color"])
    label_depth(axis, max(int(curve.index.max()) for curve in curves.values()))


def draw_chance(axis: Axes, rows: pd.DataFrame, measure: str) -> bool:
    """Draw what guessing gives, if it is retrieval that is measured; say whether it is."""
    guessed = measure.startswith("retrieval")
    if guessed:
        chance = float((1 / rows["n"].astype("float64")).mean())
        axis.axhline(chance, label="chance", color="0.4", lw=0.8, ls=(0, (1, 1.2)), zorder=0)
    return guessed
