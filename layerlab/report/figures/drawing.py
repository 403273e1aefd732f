"""What every figure of a gallery is made from and consists of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from matplotlib.figure import Figure

from layerlab.analysis.sensitivity import SETTING, sensitivity
from layerlab.report.style.wording import slug


@dataclass(frozen=True)
class Drawing:
    """A figure with its words.

    Attributes:
        name: Stem of its file, such as ``heatmap-upos-en-reset-before``.
        title: What it shows, in a few words.
        caption: One plain sentence: what is drawn, from how much, and what the intervals are.
        figure: The figure itself.
    """

    name: str
    title: str
    caption: str
    figure: Figure


@dataclass(frozen=True)
class Material:
    """The records that figures are drawn from, and what several figures share.

    Attributes:
        frame: Tidy records.
        metric: The metric of scores; None for each task's own.
    """

    frame: pd.DataFrame
    metric: str | None = None

    @cached_property
    def effect(self) -> pd.DataFrame:
        """Every ablation against its baseline, as ``layerlab.analysis.sensitivity`` gives it."""
        return sensitivity(self.frame, self.metric, incomplete="drop")

    def stem(self, kind: str, where: Mapping[str, str], *rest: str) -> str:
        """Name a figure's file: kind, task, source and, where there are several, model and study.

        Args:
            kind: The kind of figure.
            where: What the figure is of: ``study``, ``model``, ``task`` and ``source``.
            rest: What else tells it from others.
        """
        varied = [where[name] for name in ("model", "study") if self.frame[name].nunique() > 1]
        return slug(" ".join([kind, where["task"], where["source"], *rest, *varied]))


def by_setting(frame: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Yield every setting (study, model, task, metric, split, source) of a frame, with its rows."""
    for where, rows in frame.groupby(list(SETTING), sort=False):
        yield dict(zip(SETTING, map(str, where), strict=True)), rows
