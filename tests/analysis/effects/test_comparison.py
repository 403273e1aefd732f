"""Studies are put side by side over what they share, and what they do not is said."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from layerlab.analysis.effects.comparison import Difference, differences, side_by_side
from layerlab.analysis.effects.sensitivity import MEAN, sensitivity
from layerlab.errors import RecordsError

Make = Callable[..., pd.DataFrame]


def test_means_are_over_the_targets_that_all_have(synthetic: Make) -> None:
    whole = synthetic(tasks=("upos",), sources=("en",))
    gone = sorted(set(whole["target"]) - {"en"})[0]
    both = side_by_side({"a": whole, "b": whole[whole["target"] != gone]})
    assert gone not in set(both["target"])
    assert both.attrs["notes"] == [f"upos from en: targets that not all have are left out ({gone})"]
    effect = sensitivity(both)
    means = effect[effect["target"] == MEAN]
    assert means[means["study"] == "a"]["effect"].tolist() == means[means["study"] == "b"]["effect"].tolist()
    alone = sensitivity(whole[whole["target"] != gone])
    assert means[means["study"] == "a"]["effect"].tolist() == pytest.approx(
        alone[alone["target"] == MEAN]["effect"].tolist()
    )


def test_a_task_of_one_study_alone_is_left_out(synthetic: Make) -> None:
    two, one = synthetic(tasks=("upos", "ner"), sources=("en",)), synthetic(tasks=("upos",), sources=("en",))
    both = side_by_side({"two": two, "one": one})
    assert set(both["task"]) == {"upos"}
    assert both.attrs["notes"] == ["ner from en is in two alone"]


def test_studies_without_anything_in_common_are_refused(synthetic: Make) -> None:
    upos, ner = synthetic(tasks=("upos",), sources=("en",)), synthetic(tasks=("ner",), sources=("ru",))
    with pytest.raises(
        RecordsError, match=r"share no task and source: a has upos from en; b has ner from ru"
    ):
        side_by_side({"a": upos, "b": ner})
    with pytest.raises(RecordsError, match="expected at least two studies to compare, got a"):
        side_by_side({"a": upos})


def test_settings_that_differ_are_found_by_their_path() -> None:
    one = {"name": "one", "training": {"epochs": 3, "batch_size": 8}, "ablations": ["none"]}
    two = {"name": "two", "training": {"epochs": 3, "batch_size": 16}, "keep": "all", "ablations": []}
    assert differences({"one": one, "two": two}) == [
        Difference("training.batch_size", (8, 16)),
        Difference("keep", (None, "all")),
    ]
    assert differences({"one": one, "again": dict(one, name="again")}) == []
