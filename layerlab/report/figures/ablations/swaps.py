"""Swap matrix: the lower layers of a model fine-tuned on one language with the upper ones of another.

What has a place in the matrix are whole layers, put where they stood, of a fit that differs in its source
language alone.

Reference: Bandarkar et al. (2024), "Layer Swapping for Zero-Shot Cross-Lingual Transfer", arXiv:2410.01335.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.sensitivity import t_interval
from layerlab.analysis.effects.sweeps import select_scores
from layerlab.analysis.records.tidy import BASELINE
from layerlab.errors import RecordsError
from layerlab.models.layers import Layers
from layerlab.names import metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material, by_setting, only_setting
from layerlab.report.style.captions import about, capital, matrix_words
from layerlab.report.style.matrix import CELL, draw_matrix
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH, figure_style
from layerlab.targets import own_targets, zero_shot_targets

_MOST_PANELS = 3

_Owners = dict[int, str]  # the source that each layer which was swapped in was fine-tuned on


@dataclass(frozen=True)
class SwapMatrix:
    """Scores of swapped encoders.

    Attributes:
        setting: The task, the source, the metric and what else the scores share.
        boundary: Layers below it are the lower ones.
        scores: By what is scored (a source, or ``"others"``): points, a row for each source of the lower
            layers, a column for each of the upper ones; missing where nothing was run.
        others: The targets whose mean is ``"others"``: those that no part was fine-tuned on.
        n_seeds: Seeds behind a cell, at least.
        widest: Half of the widest 95% t interval over seeds of a cell, in points; missing for one seed.
    """

    setting: Mapping[str, str]
    boundary: int
    scores: Mapping[str, pd.DataFrame]
    others: tuple[str, ...]
    n_seeds: int
    widest: float


def swapped_in(options: str) -> _Owners:
    """Say which layers an ablation swaps in after fine-tuning, and from a fit on which source.

    It takes the interventions as JSON, as records have them; if there is any other, it returns nothing.

    >>> swapped_in('[{"phase": "after", "kind": "swap", "layers": "0-1", "donor": {"source": "ru"}}]')
    {0: 'ru', 1: 'ru'}
    """
    owners: _Owners = {}
    for entry in json.loads(options or "[]"):
        donor, layers = entry.get("donor"), str(entry["layers"])
        plain = entry.keys() == {"phase", "kind", "layers", "donor"} and isinstance(donor, dict)
        whole = all(term[:1].isdigit() for term in layers.split(","))  # neither embeddings nor last:2
        placed = (entry["phase"], entry["kind"]) == ("after", "swap")
        if not (placed and plain and whole and donor.keys() == {"source"}):
            return {}
        chosen = Layers(layers)
        owners |= dict.fromkeys(chosen.indices(1 + (chosen.last or 0)), str(donor["source"]))
    return owners


def swap_matrices(frame: pd.DataFrame, metric: str | None = None) -> list[SwapMatrix]:
    """Arrange the scores of swapped encoders by the sources of their layers below and above each boundary.

    The source of the records is the language of the fit that head and embeddings are from.

    Raises:
        RecordsError: No swap of whole layers of a fit on another source, or several settings.
    """
    scores = select_scores(frame, metric)
    setting = only_setting(scores, "a swap matrix") if len(scores) else {}
    if not _swaps(scores):
        raise RecordsError(
            "there is no swap to show: no ablation of the records swaps in, after fine-tuning, whole layers "
            "of a fit on another source, which the column options would say, as in "
            '[{"phase": "after", "kind": "swap", "layers": "0-5", "donor": {"source": "ru"}}]'
        )
    return _matrices(setting, scores)


def _swaps(scores: pd.DataFrame) -> dict[str, _Owners]:
    """Find the ablations that have a place in a matrix, and what they swap in."""
    known = scores[["ablation", "options"]].drop_duplicates().itertuples(index=False, name=None)
    swaps = {str(name): swapped_in(str(options)) for name, options in known}
    return {name: owners for name, owners in swaps.items() if owners}


def _matrices(setting: Mapping[str, str], scores: pd.DataFrame) -> list[SwapMatrix]:
    """Arrange the scores of one setting; an empty list if nothing has a place in a matrix."""
    swaps = _swaps(scores)
    n_layers = 1 + max((layer for owners in swaps.values() for layer in owners), default=-1)
    boundaries = set()
    for owners in swaps.values():
        all_owners = [owners.get(layer, setting["source"]) for layer in range(n_layers)]
        boundaries |= {layer for layer in range(1, n_layers) if all_owners[layer] != all_owners[layer - 1]}
    matrices = [_matrix(setting, scores, swaps, boundary, n_layers) for boundary in sorted(boundaries)]
    return [matrix for matrix in matrices if matrix is not None]


def plot_swaps(frame: pd.DataFrame, metric: str | None = None, *, boundary: int | None = None) -> MplFigure:
    """Draw a swap matrix for the mean of the targets that no part was fine-tuned on.

    Where there are two sources, each has a panel too. Without a boundary between lower and upper layers it is
    the only one, or the first.

    Raises:
        RecordsError: As ``swap_matrices``; or no swap has this boundary.
    """
    matrices = swap_matrices(frame, metric)
    for matrix in matrices:
        if boundary in (None, matrix.boundary):
            return _plot(matrix)
    have = ", ".join(str(matrix.boundary) for matrix in matrices) or "none"
    raise RecordsError(f"no swap of layers below and from {boundary} on; boundaries there: {have}")


def _plot(matrix: SwapMatrix) -> MplFigure:
    scores = dict(list(matrix.scores.items())[:_MOST_PANELS])
    size = len(next(iter(scores.values())))
    needed = 0.6 + len(scores) * (size * CELL + 0.1)
    with figure_style():
        width = COLUMN_WIDTH if needed <= COLUMN_WIDTH else FULL_WIDTH
        figure = MplFigure(figsize=(width, 0.85 + size * CELL), layout="constrained")
        axes = figure.subplots(1, len(scores), sharey=True, squeeze=False)[0]
        for axis, (scored, table) in zip(axes, scores.items(), strict=True):
            draw_matrix(axis, table)
            axis.set_title(f"{len(matrix.others)} others" if scored == "others" else f"on {scored}")
        axes[0].set_ylabel(f"layers 0-{matrix.boundary - 1}: fit on")
        figure.supxlabel(f"layers {matrix.boundary} and up: fit on", fontsize=8)
        title = f"{task_name(matrix.setting['task'])}, {metric_name(matrix.setting['metric'])} (points)"
        figure.suptitle(title, fontsize=8)
    return figure


def _find(material: Material) -> Iterator[Drawing]:
    """Yield the swap matrix of every setting and boundary."""
    for setting, rows in by_setting(material.scores):
        matrices = _matrices(setting, rows)
        for matrix in matrices:
            rest = [f"at-{matrix.boundary}"] if len(matrices) > 1 else []
            name, title = material.stem("swaps", setting, *rest), f"Swapped layers: {about(setting)}"
            yield Drawing(name, title, _caption(matrix), partial(_plot, matrix))


def _caption(matrix: SwapMatrix) -> str:
    metric, source = matrix.setting["metric"], matrix.setting["source"]
    return (
        f"{capital(metric_name(metric))} in points of encoders whose layers below "
        f"{matrix.boundary} were fine-tuned on the language of the row and the others on that of the column; "
        f"embeddings and head are those of the fit on {source}; others: mean of "
        f"{', '.join(matrix.others) or 'no target'}; {matrix_words(matrix.n_seeds, matrix.widest)}."
    )


SWAPS = Figure(
    "swaps",
    shows="lower layers of one fit with upper layers of another",
    needs="the baseline and swaps of layers, after fine-tuning, with fits on other sources",
    find=_find,
)


def _matrix(
    setting: Mapping[str, str],
    scores: pd.DataFrame,
    swaps: Mapping[str, _Owners],
    boundary: int,
    n_layers: int,
) -> SwapMatrix | None:
    """Arrange what has one boundary; None if nothing is swapped on one side of it alone."""
    source = setting["source"]
    cells = {(source, source): BASELINE}
    for name, found in swaps.items():
        owners = [found.get(layer, source) for layer in range(n_layers)]
        lower, upper = set(owners[:boundary]), set(owners[boundary:])
        if len(lower) == len(upper) == 1:
            cells.setdefault((lower.pop(), upper.pop()), name)
    if not any(lower != upper for lower, upper in cells):
        return None
    sources = [source, *sorted({name for cell in cells for name in cell} - {source})]
    others = set(scores["target"])
    single = {name: own for name in sources if (own := own_targets(others, name))}
    for one in sources:
        others &= set(zero_shot_targets(others, one))
    together = {"others": sorted(others)} if others else {}
    groups = single | together if len(sources) == 2 else together or single
    tables = {}
    n_seeds, widest = scores["seed"].nunique(), float("nan")
    for scored, targets in groups.items():
        table = pd.DataFrame(np.nan, index=sources, columns=sources)
        for (below, above), name in cells.items():
            rows = scores[(scores["ablation"] == name) & scores["target"].isin(targets)]
            by_seed = rows.pivot(index="seed", columns="target", values="value").dropna()
            if len(by_seed):
                means = [100 * float(mean) for mean in by_seed.mean(axis=1)]
                low, high = t_interval(means)
                table.loc[below, above] = sum(means) / len(means)
                n_seeds, widest = min(n_seeds, len(by_seed)), np.fmax(widest, (high - low) / 2)
        tables[scored] = table
    return SwapMatrix(setting, boundary, tables, tuple(sorted(others)), int(n_seeds), float(widest))
