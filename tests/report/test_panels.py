from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from layerlab.analysis.records import empty_records
from layerlab.analysis.sensitivity import sensitivity
from layerlab.errors import RecordsError
from layerlab.report.panels import only_panel, panel_names, panel_titles, panels

Make = Callable[..., pd.DataFrame]


def test_titles_name_what_varies(synthetic: Make) -> None:
    small = {"n_layers": 4, "seeds": (0,), "targets": ("de",)}
    one = list(panels(sensitivity(synthetic(**small))))
    assert list(panel_titles(one).values()) == ["upos from en, reset@before"]
    several = list(panels(sensitivity(synthetic(models=("a/b", "c"), tasks=("upos", "ner"), **small))))
    assert list(panel_titles(several).values()) == [
        "a/b\nupos from en, reset@before",
        "a/b\nner from en, reset@before",
        "c\nupos from en, reset@before",
        "c\nner from en, reset@before",
    ]
    assert list(panel_names(several).values())[1] == "ner-en-reset-before-a-b"


def test_names_of_files_are_never_alike(synthetic: Make) -> None:
    found = panels(sensitivity(synthetic(n_layers=2, seeds=(0,), targets=("de",), models=("a/b", "a-b"))))
    assert list(panel_names(list(found)).values()) == [
        "upos-en-reset-before-a-b",
        "upos-en-reset-before-a-b-2",
    ]


def test_a_frame_without_rows_says_what_the_records_lack() -> None:
    with pytest.raises(RecordsError, match=r"need a baseline \(ablation 'none'\)"):
        panels(sensitivity(empty_records()))


def test_records_are_not_taken_for_effects(synthetic: Make) -> None:
    with pytest.raises(
        RecordsError, match=r"a frame of effects, as sensitivity\(records\) gives it, is expected"
    ):
        panels(synthetic(n_layers=2))


def test_where_one_panel_is_shown_several_are_listed(synthetic: Make) -> None:
    effect = sensitivity(synthetic(n_layers=2, tasks=("upos", "ner")))
    with pytest.raises(
        RecordsError, match=r"has 2 \(upos from en, reset@before; ner from en, reset@before\)"
    ):
        only_panel(effect, "a heatmap")
