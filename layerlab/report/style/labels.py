"""Names beside points: no name covers another name or a point."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from matplotlib.axes import Axes

_LETTER = 0.5  # width of a letter, of the size of the text
_NEAR = (4.0, 8.0, 13.0, 19.0, 26.0)  # points between a point and its name
_ANGLES = (45, 135, -45, -135, 0, 180, 90, -90)
_LEADER = 10.0  # points from which a line leads from the name to its point
_DOT = 2.5  # points, radius
_SMALL = 1.2  # of a point without a name

_Box = tuple[float, float, float, float]  # left, bottom, right, top


def place_labels(
    places: Sequence[tuple[float, float]],
    labels: Sequence[str],
    width: float,
    height: float,
    size: float = 7.0,
    others: Sequence[tuple[float, float]] = (),
) -> list[tuple[float, float]]:
    """Choose where each point's name stands, one after the other, nearest free place first.

    Names should not leave the area from the lower left corner to width and height. The centre of each name is
    given relative to its point; everything is in typographic points. No name covers ``others``, points
    without one, either.

    >>> place_labels([(50, 50), (52, 50)], ["de", "fr"], 100, 100)[0]
    (-6.3, 2.8)
    """
    dots = [(x - r, y - r, x + r, y + r) for some, r in ((places, _DOT), (others, _SMALL)) for x, y in some]
    area = (0.0, 0.0, width, height)
    taken: list[_Box] = []
    found = []
    for (x, y), label in zip(places, labels, strict=True):
        half_width, half_height = _half(label, size)
        best, lowest = (0.0, 0.0), math.inf
        for far, angle in itertools.product(_NEAR, _ANGLES):
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            # The name's edge, not its centre, is that far from the point.
            dx = round(across * far + math.copysign(half_width, across) * (abs(across) > 0.1), 1)
            dy = round(up * far + math.copysign(half_height, up) * (abs(up) > 0.1) * (abs(up) > 0.9), 1)
            box = (x + dx - half_width, y + dy - half_height, x + dx + half_width, y + dy + half_height)
            cost = far / 1000 + _outside(box, area) + sum(_overlap(box, other) for other in (*taken, *dots))
            if cost < lowest:
                best, lowest = (dx, dy), cost
        found.append(best)
        dx, dy = best
        taken.append((x + dx - half_width, y + dy - half_height, x + dx + half_width, y + dy + half_height))
    return found


def label_points(
    axis: Axes,
    x: Sequence[float],
    y: Sequence[float],
    labels: Sequence[str],
    inches: tuple[float, float],
    size: float = 7.0,
    others: Sequence[tuple[float, float]] = (),
) -> None:
    """Write names beside the points of an axis whose limits are set.

    A line leads from a name to its point if that is far, or another one is nearer to the name.
    ``inches`` are about the width and height of the axis; the text has a size in points. ``others`` are
    points without a name.
    """
    (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
    width, height = (72 * inch for inch in inches)

    def on_page(one: float, other: float) -> tuple[float, float]:
        return (one - left) / (right - left) * width, (other - bottom) / (top - bottom) * height

    places, rest = (list(itertools.starmap(on_page, some)) for some in (zip(x, y, strict=True), others))
    offsets = place_labels(places, labels, width, height, size, rest)
    for here, place, label, (dx, dy) in zip(zip(x, y, strict=True), places, labels, offsets, strict=True):
        half_width, half_height = _half(label, size)
        far = abs(dy) >= _LEADER or abs(dx) >= _LEADER + half_width
        middle = (place[0] + dx, place[1] + dy)
        apart = [_distance(middle, half_width, half_height, one) for one in (place, *places)]
        far = far or min(apart) < apart[0]
        line = {"arrowstyle": "-", "lw": 0.4, "color": "0.5", "shrinkA": 0, "shrinkB": _DOT}
        axis.annotate(
            label,
            here,
            (dx, dy),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            arrowprops=line if far else None,
        )


def _half(label: str, size: float) -> tuple[float, float]:
    """Estimate half the width and half the height of a text."""
    return _LETTER * size * len(label) / 2, 0.55 * size


def _distance(
    middle: tuple[float, float], half_width: float, half_height: float, point: tuple[float, float]
) -> float:
    """Return how far a point is from the edge of a box; 0 within it."""
    across, up = (abs(one - other) for one, other in zip(middle, point, strict=True))
    return math.hypot(max(0.0, across - half_width), max(0.0, up - half_height))


def _overlap(one: _Box, other: _Box) -> float:
    """Give the area that two boxes share."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[1], other[1])
    return across * up if across > 0 and up > 0 else 0.0


def _outside(box: _Box, area: _Box) -> float:
    """Give the part of a box that lies outside an area."""
    return (box[2] - box[0]) * (box[3] - box[1]) - _overlap(box, area)
