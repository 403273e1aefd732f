"""The swap matrix shows the scores by the sources of lower and upper layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh

from layerlab.errors import RecordsError
from layerlab.report.figures.figure import Material
from layerlab.report.figures.swaps import SWAPS, plot_swaps, swap_matrices, swapped_in
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH

Make = Callable[..., pd.DataFrame]


def score(frame: pd.DataFrame, ablation: str, targets: list[str]) -> float:
    rows = frame[(frame["ablation"] == ablation) & frame["target"].isin(targets)]
    return float(100 * rows["value"].mean())


@pytest.mark.parametrize(
    ("donor", "found"),
    [
        ("6-11: fit(source=ru)", [(6, 11, "ru")]),
        ("0-3: fit(source=zh-hant)", [(0, 3, "zh-hant")]),
        ("0-2: fit(source=ru); 3: fit(source=de)", [(0, 2, "ru"), (3, 3, "de")]),
        ("0-5: pretrained", []),
        ("3: fit(source=de, task=ner)", []),
        ("0-5: fit(source=ru), components=attention", []),
        ("0-2: fit(source=ru); 3: pretrained", []),
        ("1,3,5: fit(source=ru)", []),
        ("", []),
    ],
)
def test_whole_layers_of_a_fit_on_another_source_have_a_place(
    donor: str, found: list[tuple[int, int, str]]
) -> None:
    assert swapped_in(donor) == found


def test_cells_are_mean_scores_in_points(synthetic: Make) -> None:
    frame = synthetic(study="swap", targets=("de", "fr", "ru"))
    (matrix,) = swap_matrices(frame)
    assert matrix.boundary == 6
    assert matrix.others == ("de", "fr")
    names = {
        ("en", "en"): "none", ("ru", "en"): "lower layers of ru", ("en", "ru"): "upper layers of ru",
        ("ru", "ru"): "all layers of ru",
    }  # fmt: skip
    for scored, targets in (("en", ["en"]), ("ru", ["ru"]), ("others", ["de", "fr"])):
        for (lower, upper), name in names.items():
            cell = matrix.scores[scored].loc[lower, upper]
            assert cell == pytest.approx(score(frame, name, targets))


def test_panels_show_the_cells_with_numbers(synthetic: Make) -> None:
    frame = synthetic(study="swap", targets=("de", "fr", "ru"))
    figure = plot_swaps(frame)
    (matrix,) = swap_matrices(frame)
    assert [axis.get_title() for axis in figure.axes] == ["on en", "on ru", "2 others"]
    for axis, table in zip(figure.axes, matrix.scores.values(), strict=True):
        (mesh,) = (one for one in axis.collections if isinstance(one, QuadMesh))
        assert np.asarray(mesh.get_array()) == pytest.approx(table.to_numpy())
        assert [text.get_text() for text in axis.texts] == [f"{cell:.1f}" for cell in table.to_numpy().flat]
    assert figure.get_size_inches()[0] == COLUMN_WIDTH
    (drawing,) = SWAPS.find(Material(frame))
    assert drawing.name == "swaps-upos-en"
    assert "others: mean of de, fr; means over 3 seeds" in drawing.words


def test_several_donors_make_one_larger_matrix_of_the_others(synthetic: Make) -> None:
    frame = synthetic(study="swap", targets=("de", "fr", "ru"))
    other = frame[frame["ablation"] != "none"]
    other = other.assign(
        ablation=other["ablation"].str.replace("of ru", "of de"),
        donor=other["donor"].str.replace("ru", "de"),
        run_id="de" + other["run_id"],
    )
    both = pd.concat([frame, other])
    (matrix,) = swap_matrices(both)
    assert list(matrix.scores) == ["others"]
    table = matrix.scores["others"]
    assert list(table.index) == ["en", "de", "ru"]
    assert table.isna().loc["de", "ru"]  # was not run
    assert table.loc["de", "en"] == pytest.approx(score(other, "lower layers of de", ["fr"]))
    assert "-" in {text.get_text() for text in plot_swaps(both).axes[0].texts}


def test_every_boundary_has_its_matrix(synthetic: Make) -> None:
    frame = synthetic(study="swap", targets=("de", "fr", "ru"))
    lower = frame[frame["ablation"] == "lower layers of ru"]
    more = lower.assign(
        ablation="lowest layers of ru", donor="0-2: fit(source=ru)", run_id="3" + lower["run_id"]
    )
    both = pd.concat([frame, more])
    assert [matrix.boundary for matrix in swap_matrices(both)] == [3, 6]
    names = [drawing.name for drawing in SWAPS.find(Material(both))]
    assert names == ["swaps-upos-en-at-3", "swaps-upos-en-at-6"]
    first = swap_matrices(both)[0].scores["others"]
    assert first.loc["ru", "en"] == pytest.approx(score(more, "lowest layers of ru", ["de", "fr"]))
    assert first.isna().loc["en", "ru"]
    with pytest.raises(RecordsError, match="boundaries there: 3, 6"):
        plot_swaps(both, boundary=4)


def test_a_large_matrix_takes_the_page(synthetic: Make) -> None:
    frame = synthetic(study="swap", targets=("de", "ru", "fr"))
    swaps = frame[frame["ablation"] != "none"]
    parts = [
        swaps.assign(
            ablation=swaps["ablation"].str.replace("of ru", f"of l{index}"),
            donor=swaps["donor"].str.replace("ru", f"l{index}"),
            run_id=f"{index}" + swaps["run_id"],
        )
        for index in range(7)
    ]
    figure = plot_swaps(pd.concat([frame, *parts]))
    assert figure.get_size_inches()[0] == FULL_WIDTH


def test_other_swaps_are_refused_or_left_out(synthetic: Make) -> None:
    frame = synthetic(study="swap", targets=("de",))
    silent = frame.assign(donor="")
    with pytest.raises(RecordsError, match="which the column donor would say"):
        plot_swaps(silent)
    assert list(SWAPS.find(Material(silent))) == []
    with pytest.raises(RecordsError, match="a swap matrix shows one setting, and got 2"):
        plot_swaps(synthetic(study="swap", targets=("de",), models=("a", "b")))
