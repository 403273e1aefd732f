from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.records.tidy import empty_records
from layerlab.errors import RecordsError
from layerlab.report.style.panels import only_panel, panel_titles, panels, places

Make = Callable[..., pd.DataFrame]


def test_titles_name_what_varies(synthetic: Make) -> None:
    small = {"n_layers": 4, "seeds": (0,), "targets": ("de",)}
    one = list(panels(sensitivity(synthetic(**small))))
    assert list(panel_titles(one).values()) == ["UPOS from en, RANDOM-INIT before fine-tuning"]
    several = list(panels(sensitivity(synthetic(models=("a/b", "c"), tasks=("upos", "ner"), **small))))
    assert list(panel_titles(several).values()) == [
        "a/b\nUPOS from en, RANDOM-INIT before fine-tuning",
        "a/b\nNER from en, RANDOM-INIT before fine-tuning",
        "c\nUPOS from en, RANDOM-INIT before fine-tuning",
        "c\nNER from en, RANDOM-INIT before fine-tuning",
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
    sweep = "RANDOM-INIT before fine-tuning"
    with pytest.raises(RecordsError, match=rf"has 2 \(UPOS from en, {sweep}; NER from en, {sweep}\)"):
        only_panel(effect, "a heatmap")


@pytest.mark.parametrize(
    ("study", "order"),
    [
        (
            "freeze",
            [
                "freeze embeddings", "freeze to layer 2", "freeze to layer 5",
                "freeze to layer 5 then unfreeze", "freeze to layer 5 without dropout", "freeze all",
            ],
        ),
        ("swap", ["lower layers of ru", "all layers of ru", "upper layers of ru"]),
    ],
)  # fmt: skip
def test_ablations_with_names_are_one_panel_in_the_order_of_their_layers(
    synthetic: Make, study: str, order: list[str]
) -> None:
    effect = sensitivity(synthetic(study=study, seeds=(0,), targets=("de",)))
    panel, part = only_panel(effect, "a test")
    assert panel.named
    assert places(part.sample(frac=1, random_state=0)) == order
