from __future__ import annotations

import json
from collections.abc import Callable

import pandas as pd

from layerlab.analysis.significance.effects import significance
from layerlab.report.page.about import About
from layerlab.report.page.caveats import caveats, controlled_languages

Make = Callable[..., pd.DataFrame]


def of(frame: pd.DataFrame, about: About | None = None) -> list[str]:
    return caveats(frame, significance(frame, incomplete="drop"), about or About())


def test_enough_seeds_and_a_complete_study_leave_one_sentence(synthetic: Make) -> None:
    (sentence,) = of(synthetic(n_layers=4, targets=("de",), seeds=range(6)))
    assert sentence.startswith("Tests and intervals cover the variation over seeds")


def test_too_few_seeds_are_listed_once(synthetic: Make) -> None:
    found = of(synthetic(n_layers=4, targets=("de",), tasks=("upos", "ner")))
    assert (
        found[0]
        == "With 3 seeds, p cannot fall below .25, so no test can reach .05: at least 6 seeds are needed."
    )
    assert len(found) == 2


def test_too_few_seeds_in_a_part_are_listed_with_the_part(synthetic: Make) -> None:
    frames = synthetic(n_layers=4, targets=("de",), seeds=range(6)), synthetic(n_layers=4, tasks=("ner",))
    found = of(pd.concat(frames, ignore_index=True))
    assert found[0].endswith("This applies to mbert, NER from en, RANDOM-INIT before fine-tuning.")
    assert sum("seeds, p cannot" in sentence for sentence in found) == 1


def test_what_is_missing_or_failed_comes_first(synthetic: Make) -> None:
    about = About(failures=("upos en: TrainingError: nan",), planned=9, complete=7)
    found = of(synthetic(n_layers=4, targets=("de",)), about)
    assert found[0].startswith("The study is not complete: 7 of 9 planned runs are there")
    assert found[1] == "Failed: upos en: TrainingError: nan"


def test_what_was_not_compared_is_told(synthetic: Make) -> None:
    frame = synthetic(n_layers=4, targets=("de",))
    found = of(frame[(frame["ablation"] != "none") | (frame["seed"] > 9)])
    assert any(sentence.startswith("Not compared: ") for sentence in found)


def test_invented_languages_are_an_instrument(synthetic: Make) -> None:
    frame = synthetic(n_layers=4, sources=("ilda",), targets=("jora", "avin-news", "de"))
    assert controlled_languages(frame, About()) == ["avin-news", "ilda", "jora"]
    assert any(
        "ilda, jora are invented. They show how the method works" in sentence for sentence in of(frame)
    )
    frame = synthetic(n_layers=4, sources=("mine",), targets=("yours",))
    assert controlled_languages(frame, About()) == []
    assert controlled_languages(frame, About({"data": {"controlled": {}}})) == ["mine", "yours"]


def test_parts_computed_unlike_one_another_are_listed(synthetic: Make) -> None:
    nodes = pd.DataFrame(
        {
            "version_torch": ["2.12.0", "2.13.0"],
            "device": ["CPU", "CPU"],
            "git_commit": ["abc-dirty", None],
            "corpus_notes": [json.dumps(["3 sentences without words left out"]), None],
            "targets": [None, json.dumps({"de": {"notes": ["no XPOS."]}})],
        }
    )
    found = of(synthetic(n_layers=4, targets=("de",)), About(nodes=nodes))
    assert "Parts of the study were computed with different versions of torch: 2.12.0, 2.13.0." in found
    assert any(sentence.startswith("1 of 2 parts were computed from a working tree") for sentence in found)
    assert "Data: 3 sentences without words left out." in found
    assert "Data of de: no XPOS." in found
    assert not any("hardware" in sentence for sentence in found)
