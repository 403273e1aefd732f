"""Names beside points cover neither one another nor the points, and stay in the area."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from layerlab.report.style.labels import label_points, place_labels

WIDTH, HEIGHT, SIZE = 178.0, 148.0, 7.0  # points, of a column's scatter plot


def boxes(places: list[tuple[float, float]], labels: list[str]) -> list[tuple[float, float, float, float]]:
    offsets = place_labels(places, labels, WIDTH, HEIGHT, SIZE)
    found = []
    for (x, y), (dx, dy), label in zip(places, offsets, labels, strict=True):
        half = 0.25 * SIZE * len(label)
        found.append((x + dx - half, y + dy - 0.55 * SIZE, x + dx + half, y + dy + 0.55 * SIZE))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_names_of_twenty_points_do_not_meet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = [(float(x), float(y)) for x, y in rng.uniform([12, 12], [WIDTH - 12, HEIGHT - 12], (20, 2))]
    found = boxes(places, ["abcd"[: 2 + index % 3] for index in range(20)])
    for one, other in combinations(found, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart
    assert all(a >= 0 and b >= 0 and c <= WIDTH and d <= HEIGHT for a, b, c, d in found)
    assert not any(a < x < c and b < y < d for a, b, c, d in found for x, y in places)


def test_a_name_at_the_edge_stands_inside() -> None:
    ((left, _, right, top),) = boxes([(WIDTH - 1, HEIGHT - 1)], ["long name"])
    assert left >= 0
    assert right <= WIDTH
    assert top <= HEIGHT


def test_a_line_leads_to_a_name_that_stands_far() -> None:
    figure = Figure(figsize=(3, 2))
    axis = figure.subplots()
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    label_points(axis, [0.5] * 9, [0.5] * 9, [f"l{index}" for index in range(9)], (2.4, 1.6))
    with_lines = [text for text in axis.texts if getattr(text, "arrow_patch", None) is not None]
    assert 0 < len(with_lines) < 9
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    shown = [text.get_window_extent(canvas.get_renderer()) for text in with_lines]  # type: ignore[no-untyped-call]
    assert all(box.width > 0 for box in shown)


def test_no_other_point_is_nearer_to_a_name_without_a_line() -> None:
    figure = Figure(figsize=(3, 2))
    axis = figure.subplots()
    axis.set_xlim(0, WIDTH)
    axis.set_ylim(0, HEIGHT)
    x, y = np.random.default_rng(2).uniform(40, 110, (2, 30))
    label_points(axis, list(x), list(y), ["name"] * 30, (WIDTH / 72, HEIGHT / 72), SIZE)
    without = 0
    for index, (text, offset) in enumerate(zip(axis.texts, offsets_of(x, y), strict=True)):
        if getattr(text, "arrow_patch", None) is None:
            middle = np.array([x[index], y[index]]) + offset
            beside = np.abs(np.stack([x, y], 1) - middle) - [0.25 * SIZE * 4, 0.55 * SIZE]
            apart = np.hypot(*np.maximum(beside, 0).T)
            assert apart[index] == apart.min()
            without += 1
    assert 0 < without < 30


def offsets_of(x: np.ndarray, y: np.ndarray) -> list[tuple[float, float]]:
    return place_labels(list(zip(x, y, strict=True)), ["name"] * len(x), WIDTH, HEIGHT, SIZE)


def test_names_keep_clear_of_points_without_one() -> None:
    places = [(80.0, 70.0)]
    ((dx, dy),) = place_labels(places, ["name"], WIDTH, HEIGHT, SIZE)
    others = [(80.0 + dx, 70.0 + dy)]
    ((left, up),) = place_labels(places, ["name"], WIDTH, HEIGHT, SIZE, others)
    half = 0.25 * SIZE * len("name")
    assert abs(left - dx) > half or abs(up - dy) > 0.55 * SIZE
