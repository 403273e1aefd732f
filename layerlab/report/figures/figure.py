"""What a figure is: a name, what it needs of a study's records, and the drawings that they have data for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.scales import POINTS, Scale
from layerlab.analysis.effects.sensitivity import SETTING, sensitivity
from layerlab.analysis.effects.sweeps import select_scores
from layerlab.errors import RecordsError
from layerlab.report.style.axes import MOST_PANELS
from layerlab.report.style.wording import slug


@dataclass(frozen=True)
class Figure:
    """One figure of a report, such as the heatmap.

    Attributes:
        name: Its name, as ``layerlab plot --figure`` takes it.
        shows: What it shows, in a few words.
        needs: What records must have for it.
        find: Yields a drawing for every place, such as a task and a source, that the records have data for,
            and nothing where they have none. It draws nothing.
    """

    name: str
    shows: str
    needs: str
    find: Callable[[Material], Iterator[Drawing]]


@dataclass(frozen=True)
class Drawing:
    """One drawing of a figure, not yet drawn.

    Attributes:
        name: Stem of its file, such as ``heatmap-upos-en-reset-before``.
        title: What it shows, in a few words.
        caption: One plain sentence: what is drawn, from how much, and what the intervals are. A function
            where the sentence takes time to compute.
        draw: Draws it.
    """

    name: str
    title: str
    caption: str | Callable[[], str]
    draw: Callable[[], MplFigure]

    @property
    def words(self) -> str:
        """The caption as text."""
        return self.caption if isinstance(self.caption, str) else self.caption()


@dataclass(frozen=True)
class Material:
    """The records that figures are drawn from, and what several figures share.

    Attributes:
        frame: Tidy records.
        metric: The metric of scores; None for each task's own.
        known_effect: The effect of every ablation, if it is known already.
        trajectories: Scores along training, if the study has any.
        scale: Of effects.
    """

    frame: pd.DataFrame
    metric: str | None = None
    known_effect: pd.DataFrame | None = None
    trajectories: pd.DataFrame | None = None
    scale: Scale = POINTS

    @cached_property
    def effect(self) -> pd.DataFrame:
        """Every ablation against its baseline, as ``layerlab.analysis.effects.sensitivity`` gives it."""
        if self.known_effect is not None:
            return self.known_effect
        return sensitivity(self.frame, self.metric, incomplete="drop", scale=self.scale)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The scores of the metric, as ``layerlab.analysis.effects.sweeps.select_scores`` gives them."""
        return select_scores(self.frame, self.metric)

    def stem(self, figure: str, where: Mapping[str, str], *rest: str, scaled: bool = False) -> str:
        """Name a drawing's file: figure, task, source, the rest and, of several, model and study.

        A drawing that is ``scaled`` has the scale of effects in its name, unless that is points.
        """
        varied = [where[name] for name in ("model", "study") if self.frame[name].nunique() > 1]
        varied += [self.scale] * (scaled and self.scale != POINTS)
        return slug(" ".join([figure, where["task"], where["source"], *rest, *varied]))


def by_setting(
    frame: pd.DataFrame, columns: Sequence[str] = SETTING
) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Yield every setting (study, model, task, metric, split, source) of a frame, with its rows."""
    for where, rows in frame.groupby(list(columns), sort=False):
        yield dict(zip(columns, map(str, where), strict=True)), rows


def only_setting(frame: pd.DataFrame, what: str, columns: Sequence[str] = SETTING) -> dict[str, str]:
    """Return the one setting of a frame that has rows.

    Raises:
        RecordsError: There are several; the message lists them.
    """
    found = [where for where, _ in by_setting(frame, columns)]
    if len(found) > 1:
        names = "; ".join(", ".join(filter(None, where.values())) for where in found)
        raise RecordsError(f"{what} shows one setting, and the records have {len(found)} ({names})")
    return found[0]


def by_page(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Part a frame so that each part has no more panels than a page holds; rows of one share the columns."""
    pages = frame.groupby(list(columns), sort=False).ngroup() // MOST_PANELS
    for _, part in frame.groupby(pages):
        yield part
