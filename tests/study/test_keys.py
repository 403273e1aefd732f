"""Every key of a study file is explained, from the docstrings of what reads it."""

from __future__ import annotations

import pytest

from layerlab.ablation.interventions import known_interventions
from layerlab.errors import StudyError
from layerlab.study.grid import Grid
from layerlab.study.keys import find_keys, study_keys
from tests.fixtures.command_line import Call


def test_every_key_has_a_text() -> None:
    """Kinds that other tests registered in this process are not asked."""
    foreign = {
        kind for kind, cls in known_interventions().items() if not cls.__module__.startswith("layerlab.")
    }
    lacking = [path for path, key in study_keys().items() if not key.text]
    assert [path for path in lacking if path.partition(".")[0] not in foreign] == []


def test_every_field_of_a_study_is_a_key() -> None:
    assert set(Grid.model_fields) <= study_keys().keys()


def test_a_key_is_found_by_its_last_parts() -> None:
    assert [key.path for key in find_keys("windows")] == ["ablations.sweep.windows"]
    assert len(find_keys("components")) > 3


def test_an_unknown_key_names_those_that_exist() -> None:
    with pytest.raises(
        StudyError, match=r"unknown key of a study file 'epoch'; did you mean 'epochs'\? Known: "
    ):
        find_keys("epoch")


def test_choices_and_defaults_are_those_of_the_model() -> None:
    (word,) = find_keys("word")
    assert (word.kind, word.default) == ("first-content | first | last | mean", "first-content")
    assert study_keys()["models"].default == "required"


def test_options_of_engines_are_keys() -> None:
    (memory,) = find_keys("slurm.memory")
    assert (memory.kind, memory.default) == ("bytes, such as 16GB | null", "none")
    assert find_keys("slurm")[0].kind == "an engine, in a file for --engine"


def test_the_command_line_explains_one_key_or_lists_all(call: Call) -> None:
    code, out, _ = call("explain", "training.warmup")
    assert code == 0
    assert out.splitlines() == [
        "training.warmup",
        "  Fraction of the steps in which the rate rises linearly.",
        "  write    number",
        "  default  0.1",
    ]
    _, out, _ = call("explain")
    assert [line.split()[0] for line in out.splitlines()] == list(study_keys())
