"""Nodes beside the fits: one place for each model, task, source and seed, in the tasks that are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layerlab.errors import StudyError
from layerlab.nodes.kinds.places import places_of, read_options
from layerlab.nodes.kinds.probe import ProbeOptions
from layerlab.study.study import Study
from tests.fixtures.studies import make_study


@pytest.fixture(scope="module")
def study(treebanks: Path, tiny_encoder: Path) -> Study:
    """Two tasks, two sources, two seeds, with ablations before and after fine-tuning."""
    return make_study(treebanks, tiny_encoder, tasks=["upos", "parsing"], sources=["aa", "bb"])


def places(study: Study, **options: Any) -> list[tuple[str, str, int]]:
    """Return task, source and seed of each place."""
    found = places_of(study, study.plan(check=False).nodes, ProbeOptions(**options), "probe")
    return [(fit.spec.task, fit.source, fit.spec.seed) for fit, _ in found]


def test_there_is_one_place_for_each_task_source_and_seed_whatever_is_ablated(study: Study) -> None:
    found = places(study)
    assert len(found) == len(set(found)) == 8
    assert set(found) == {
        (task, source, seed) for task in study.tasks for source in ("aa", "bb") for seed in (0, 1)
    }


def test_the_run_of_a_place_is_one_of_its_fit(study: Study) -> None:
    for fit, run in places_of(study, study.plan(check=False).nodes, ProbeOptions(), "probe"):
        assert run.fit == fit.id
        assert (run.columns["source"], run.columns["seed"]) == (fit.source, fit.spec.seed)


def test_some_of_the_tasks_may_be_asked_for(study: Study) -> None:
    assert {task for task, *_ in places(study, tasks=["parsing"])} == {"parsing"}


def test_a_task_that_the_study_lacks_is_refused(study: Study) -> None:
    with pytest.raises(
        StudyError, match=r"nodes\.probe\.tasks: unknown task of this study 'ner'; Known: parsing, upos"
    ):
        places(study, tasks=["ner"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layerz": [0]}, r"nodes\.probe\.layerz: unknown key 'layerz'; did you mean 'layers'"),
        (
            {"training": {"epochs": "two"}},
            r"nodes\.probe\.training\.epochs: expected a whole number, got 'two'",
        ),
        ([0], r"nodes\.probe: expected a mapping"),
    ],
)
def test_mistakes_in_options_say_where_they_are(options: Any, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        read_options(ProbeOptions, options, "probe")


def test_no_options_are_all_defaults() -> None:
    assert read_options(ProbeOptions, None, "probe") == ProbeOptions()
