"""One mistake in the data of a study is one problem."""

from __future__ import annotations

import pytest

from layerlab.study.study import Study
from layerlab.validation import validate

KEYS = (
    "artificial, controlled, folders, hub, hub_config, limit, revision, root, stray_tags, tag_map, "
    "with_entities"
)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"root": "ud", "limit": {"train": 0}}, "data.limit.train: expected at least 1 sentence, got 0"),
        (
            {"upos": {"root": "ud", "limit": {"train": 0}}},
            "data.upos.limit.train: expected at least 1 sentence",
        ),
        (
            {"root": "ud", "limit": {"validation": 5}},
            "data.limit.validation: expected 'train', 'dev' or 'test'",
        ),
        ({"roott": "ud"}, f"data.roott: unknown key 'roott'; did you mean 'root'? Known: {KEYS}"),
        (
            {"upos": {"roott": "ud"}},
            f"data.upos.roott: unknown key 'roott'; did you mean 'root'? Known: {KEYS}",
        ),
        (
            {"root": "ner", "with_entities": ["validation"]},
            "data.with_entities[0]: expected 'train', 'dev' or 'test'",
        ),
        ({"root": "ud", "stray_tags": "x"}, "data.stray_tags: expected 'rare' or 'begin', got 'x'"),
        ({"root": "ud", "hub": "x"}, "data: give root (local folders) or hub (a data set), not both"),
        ({"controlled": {"seed": "x"}}, "data.controlled.seed: expected a whole number, got 'x'"),
        ({"root": "ud", "tag_map": {"OTH": 1}}, "data.tag_map.OTH: expected text, got 1"),
        ([1], "data: expected a mapping, got [1]"),
    ],
)
def test_one_mistake_is_one_problem(data: object, problem: str) -> None:
    plain = {"name": "x", "models": ["minimbert"], "tasks": ["upos"], "sources": ["sl"], "data": data}
    study, problems = validate(Study, plain)
    assert study is None
    assert len(problems) == 1, problems
    assert str(problems[0]).startswith(problem)
