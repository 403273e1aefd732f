"""Scores on the line between two fits: how each language does as weights go from one to the other.

Reference: Wu, Van Durme, Dredze (2022), "Zero-shot Cross-lingual Transfer is Under-specified Optimization",
arXiv:2207.05666.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.sensitivity import MEAN, SETTING, t_interval
from layerlab.analysis.effects.sweeps import select_scores
from layerlab.analysis.records.tidy import BASELINE
from layerlab.errors import RecordsError
from layerlab.names import metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material, by_setting, only_setting
from layerlab.report.style.axes import draw_band, put_legend
from layerlab.report.style.captions import about, capital, seeds_words
from layerlab.report.style.style import COLUMN_WIDTH, SOURCE_COLOUR, figure_style, line_style
from layerlab.targets import own_targets, zero_shot_targets

_KIND = "interpolate"
_FEWEST = 3  # weights, the ends included
_MOST_BANDS = 7  # languages; of more, the two sources and the mean alone have one
_COLUMNS = ["target", "weight", "mean", "low", "high", "n_seeds"]


@dataclass(frozen=True)
class Line:
    """Scores on the line from a fit to another one, in points.

    Attributes:
        setting: The task, the source, the metric and what else the scores share.
        donor: The source of the fit at weight 1, or in words what else it differs in.
        layers: What of the encoder moves.
        curves: By ``target`` and ``weight``: ``mean``, the 95% t interval ``low`` to ``high`` over seeds,
            ``n_seeds``. The target ``mean`` is the mean of the languages that neither fit was trained on.
        own: Targets that the fit was trained on.
        donors: Targets that the donor was trained on.
        n_others: Targets in the mean.
    """

    setting: Mapping[str, str]
    donor: str
    layers: str
    curves: pd.DataFrame
    own: tuple[str, ...]
    donors: tuple[str, ...]
    n_others: int


def interpolated(options: str) -> tuple[str, str, float] | None:
    """Return donor as text, layers and weight of an ablation that interpolates and does nothing else.

    >>> entry = '{"phase": "after", "kind": "interpolate", "layers": "0-1", "donor": {"source": "fr"}'
    >>> interpolated("[" + entry + ', "weight": 0.5}]')
    ('{"source": "fr"}', '0-1', 0.5)
    >>> interpolated("[]")
    """
    entries = json.loads(options or "[]")
    if len(entries) != 1 or entries[0]["kind"] != _KIND:
        return None
    entry = entries[0]
    return json.dumps(entry["donor"], sort_keys=True), str(entry["layers"]), float(entry["weight"])


def lines(frame: pd.DataFrame, metric: str | None = None) -> list[Line]:
    """Arrange the scores of interpolated fits of one model, task and source by donor and weight.

    Weight 0 is the baseline. Weight 1 is the donor, whose own records are taken where they are there.

    Raises:
        RecordsError: Fewer than three weights, the ends included, or several settings.
    """
    scores = select_scores(frame, metric)
    there = scores[[interpolated(text) is not None for text in scores["options"]]]
    setting = only_setting(there, "a figure of interpolation") if len(there) else {}
    found = list(_lines(setting, scores)) if setting else []
    if not found:
        raise RecordsError(
            f"a figure of interpolation needs a baseline and fits between it and a donor, with {_FEWEST} "
            f"weights or more in all (the intervention {_KIND!r} after fine-tuning); the records have "
            f"{there['ablation'].nunique()} interpolated fits"
        )
    return found


def plot_interpolation(frame: pd.DataFrame, metric: str | None = None) -> MplFigure:
    """Draw the score of each language against the weight of the donor, for the first donor.

    Takes the arguments of ``lines`` and raises what it raises.
    """
    return _plot(lines(frame, metric)[0])


def _lines(setting: Mapping[str, str], scores: pd.DataFrame) -> Iterator[Line]:
    """Yield a line for each donor and selection of layers of one setting."""
    here = scores[(scores[list(SETTING)] == pd.Series(setting)).all(axis=1)]
    known = here[["ablation", "options"]].drop_duplicates().itertuples(index=False, name=None)
    groups: dict[tuple[str, str], dict[float, pd.DataFrame]] = {}
    for name, options in known:
        if found := interpolated(str(options)):
            donor, layers, weight = found
            groups.setdefault((donor, layers), {})[weight] = here[here["ablation"] == name]
    for (donor, layers), by_weight in groups.items():
        coordinates = json.loads(donor)
        ends = {0.0: here[here["ablation"] == BASELINE]}
        if coordinates.keys() == {"source"} and _is_whole(layers):
            ends[1.0] = _donors_own(setting, scores, coordinates["source"])
        weights = {weight: rows for weight, rows in (ends | by_weight).items() if len(rows)}
        if len(weights) >= _FEWEST and 0.0 in weights:
            yield _line(setting, coordinates, layers, dict(sorted(weights.items())))


def _is_whole(layers: str) -> bool:
    """Return whether a resolved selection is the whole encoder."""
    return layers.startswith("embeddings,0-") and layers.endswith(",rest")


def _donors_own(setting: Mapping[str, str], scores: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the scores of the donor itself, if the records have them."""
    there = pd.Series({**setting, "source": source})
    return scores[(scores[list(SETTING)] == there).all(axis=1) & (scores["ablation"] == BASELINE)]


def _line(
    setting: Mapping[str, str], donor: Mapping[str, Any], layers: str, weights: dict[float, pd.DataFrame]
) -> Line:
    targets = set.intersection(*(set(rows["target"]) for rows in weights.values()))
    own = own_targets(targets, setting["source"])
    donors = own_targets(targets, str(donor.get("source", "")))
    others = zero_shot_targets(sorted(targets), setting["source"])
    others = zero_shot_targets(others, str(donor.get("source", "")))
    groups = {target: [target] for target in sorted(targets)}
    if len(others) > 1:
        groups[MEAN] = others
    rows = []
    for target, members in groups.items():
        for weight, part in weights.items():
            table = part[part["target"].isin(members)].pivot(index="seed", columns="target", values="value")
            values = [100 * float(value) for value in table.dropna().mean(axis=1)]
            if values:
                rows.append((target, weight, float(np.mean(values)), *t_interval(values), len(values)))
    words = ", ".join(str(value) if name == "source" else f"{name} {value}" for name, value in donor.items())
    curves = pd.DataFrame(rows, columns=_COLUMNS)
    return Line(setting, words, layers, curves, tuple(own), tuple(donors), len(others))


def _plot(line: Line) -> MplFigure:
    where = line.setting
    with figure_style():
        figure = MplFigure(figsize=(COLUMN_WIDTH, 2.9), layout="constrained")
        axis = figure.subplots()
        _draw(axis, line)
        axis.set_title(f"{task_name(where['task'])} from {where['source']} towards {line.donor}")
        axis.set_ylabel(f"{metric_name(where['metric'])} (points)")
        axis.set_xlabel(f"weight of the fit on {line.donor}" if line.donors else f"weight of {line.donor}")
        put_legend(figure, [axis])
    return figure


def _draw(axis: Axes, line: Line) -> None:
    there = set(line.curves["target"])
    plain = sorted(there - {*line.own, *line.donors, MEAN})
    targets = [*dict.fromkeys((*line.own, *line.donors)), *([MEAN] if MEAN in there else []), *plain]
    looks: dict[str, dict[str, Any]] = {
        name: line_style(index + 1) | {"lw": 0.9, "ms": 2.2} for index, name in enumerate(plain)
    }
    looks |= {name: {"color": "0.35", "lw": 1.6, "marker": "s", "ms": 3} for name in line.donors}
    looks |= {name: {"color": SOURCE_COLOUR, "lw": 1.6, "marker": "o", "ms": 3} for name in line.own}
    looks[MEAN] = {"color": "black", "lw": 1.8, "linestyle": (0, (4, 1.5)), "zorder": 5}
    banded = set(targets) if len(targets) <= _MOST_BANDS else {*line.own, *line.donors, MEAN}
    for target in targets:
        one = line.curves[line.curves["target"] == target]
        axis.plot(one["weight"], one["mean"], label=_label(target, line), **looks[target])
        if target in banded:
            draw_band(axis, one["weight"], one["low"], one["high"], looks[target]["color"])


def _label(target: str, line: Line) -> str:
    if target == MEAN:
        return f"mean of {line.n_others} others"
    role = "source" if target in line.own else "donor" if target in line.donors else ""
    return f"{target} ({role})" if role else target


def _find(material: Material) -> Iterator[Drawing]:
    """Yield the line to every donor of every setting."""
    for setting, _ in by_setting(material.scores):
        found = list(_lines(setting, material.scores))
        for line in found:
            rest = [line.donor, line.layers] if len(found) > 1 else [line.donor]
            yield Drawing(
                material.stem("interpolation", setting, *rest),
                f"Between two fits: {about(setting)}, towards {line.donor}",
                _caption(line),
                partial(_plot, line),
            )


def _caption(line: Line) -> str:
    source = line.setting["source"]
    moved = "encoder and head" if _is_whole(line.layers) else f"layers {line.layers} and head"
    return (
        f"{capital(metric_name(line.setting['metric']))} on each language as the weights of {moved} go in a "
        f"straight line from the fit on {source} (0) towards the fit of {line.donor} (1); "
        f"{seeds_words(line.curves['n_seeds'])}."
    )


INTERPOLATION = Figure(
    "interpolation",
    shows="scores on the line between two fits",
    needs="the baseline, and interpolations with another fit at two or more weights",
    find=_find,
)
