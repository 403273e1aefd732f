"""Panels of several studies that can be compared: task, metric, source and sweep in common."""

from __future__ import annotations

import pandas as pd

from layerlab.report.style.panels import Panel, panels

Group = list[tuple[Panel, pd.DataFrame]]


def comparable(effect: pd.DataFrame) -> list[Group]:
    """Gather the panels of several studies that have task, metric, source and sweep in common."""
    groups: dict[tuple[str, ...], Group] = {}
    for panel, part in panels(effect).items():
        key = (panel.task, panel.metric, panel.split, panel.source, panel.sweep)
        groups.setdefault(key, []).append((panel, part))
    return [group for group in groups.values() if len(group) > 1]


def line_names(group: Group) -> list[str]:
    """Name the studies of a group, with the model of those that have several."""
    names = [panel.study for panel, _ in group]
    return [
        f"{panel.study}, {panel.model}" if names.count(panel.study) > 1 else panel.study for panel, _ in group
    ]
