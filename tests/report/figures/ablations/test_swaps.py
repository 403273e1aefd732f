"""The swap matrix shows the scores by the sources of lower and upper layers."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh

from layerlab.errors import RecordsError
from layerlab.report.figures.ablations.swaps import SWAPS, plot_swaps, swap_matrices, swapped_in
from layerlab.report.figures.figure import Material
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH

Make = Callable[..., pd.DataFrame]


def score(frame: pd.DataFrame, ablation: str, targets: list[str]) -> float:
    rows = frame[(frame["ablation"] == ablation) & frame["target"].isin(targets)]
    return float(100 * rows["value"].mean())


def swap(layers: str, donor: object, **fields: object) -> dict[str, object]:
    return {"phase": "after", "kind": "swap", "layers": layers, "donor": donor, **fields}


RU = {"source": "ru"}


@pytest.mark.parametrize(
    ("interventions", "found"),
    [
        ([swap("6-8", RU)], {6: "ru", 7: "ru", 8: "ru"}),
        ([swap("0-1", {"source": "zh-hant"})], {0: "zh-hant", 1: "zh-hant"}),
        ([swap("0-1", RU), swap("3", {"source": "de"})], {0: "ru", 1: "ru", 3: "de"}),
        ([swap("0,2", RU)], {0: "ru", 2: "ru"}),
        ([swap("0-5", "pretrained")], {}),
        ([swap("3", {"source": "de", "task": "ner"})], {}),
        ([swap("0-5", RU, components=["attention"])], {}),
        ([swap("0-2", RU), swap("3", "pretrained")], {}),
        ([swap("embeddings,0-2", RU)], {}),
        ([swap("last:2", RU)], {}),
        ([swap("0-2", RU) | {"phase": "before"}], {}),
        ([{"phase": "after", "kind": "reset", "layers": "0-2"}], {}),
        ([], {}),
    ],
)
def test_whole_layers_of_a_fit_on_another_source_have_a_place(
    interventions: list[dict[str, object]], found: dict[int, str]
) -> None:
    assert swapped_in(json.dumps(interventions)) == found


def test_records_that_do_not_say_what_was_done_have_none() -> None:
    assert swapped_in("") == {}


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
        options=other["options"].str.replace('"ru"', '"de"'),
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
        ablation="lowest layers of ru", options=json.dumps([swap("0-2", RU)]), run_id="3" + lower["run_id"]
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
            options=swaps["options"].str.replace('"ru"', f'"l{index}"'),
            run_id=f"{index}" + swaps["run_id"],
        )
        for index in range(7)
    ]
    figure = plot_swaps(pd.concat([frame, *parts]))
    assert figure.get_size_inches()[0] == FULL_WIDTH


def test_other_swaps_are_refused_or_left_out(synthetic: Make) -> None:
    frame = synthetic(study="swap", targets=("de",))
    silent = frame.assign(options="")
    with pytest.raises(RecordsError, match="which the column options would say"):
        plot_swaps(silent)
    assert list(SWAPS.find(Material(silent))) == []
    with pytest.raises(RecordsError, match="a swap matrix shows one setting, and the records have 2"):
        plot_swaps(synthetic(study="swap", targets=("de",), models=("a", "b")))
