"""Hyper-parameters and corpora of one task: each fit has those of its own, and identities do not move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layerlab.errors import StudyError
from layerlab.nodes.kinds.fit import Fit
from layerlab.study.outline import describe_plan
from layerlab.study.study import Study
from tests.fixtures.studies import make_study

UPOS = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 8}
PARSING = {"epochs": 3, "learning_rate": 5e-4, "batch_size": 4}


@pytest.fixture(scope="module")
def both(treebanks: Path, tiny_encoder: Path) -> Study:
    """Tagging and parsing, trained differently."""
    return make_study(
        treebanks, tiny_encoder, tasks=["upos", "parsing"], training={"upos": UPOS, "parsing": PARSING}
    )


def fits_of(study: Study, task: str) -> dict[str, dict[str, Any]]:
    """Return the hyper-parameters of a task's fits, by id."""
    fits = study.plan(check=False).of(Fit)
    return {fit.id: fit.training.model_dump() for fit in fits if fit.spec.task == task}


def test_each_task_is_trained_as_its_section_says(both: Study) -> None:
    for task, asked in (("upos", UPOS), ("parsing", PARSING)):
        found = fits_of(both, task)
        assert found
        assert all(training | asked == training for training in found.values())


@pytest.mark.parametrize(("task", "training"), [("upos", UPOS), ("parsing", PARSING)])
def test_a_study_of_one_task_has_the_same_fits(
    both: Study, treebanks: Path, tiny_encoder: Path, task: str, training: dict[str, Any]
) -> None:
    alone = make_study(treebanks, tiny_encoder, tasks=[task], training=training)
    assert fits_of(alone, task) == fits_of(both, task)


def test_a_task_without_a_section_has_the_defaults(treebanks: Path, tiny_encoder: Path) -> None:
    study = make_study(
        treebanks, tiny_encoder, tasks=["upos", "parsing"], training={"parsing": PARSING}, seeds=[0]
    )
    alone = make_study(treebanks, tiny_encoder, training={}, seeds=[0])
    assert fits_of(study, "upos") == fits_of(alone, "upos")


def test_a_study_by_task_reads_back_with_all_that_it_does_not_say(both: Study, tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(both.to_yaml(), encoding="utf-8")
    again = Study.from_yaml(file)
    assert again.plan(check=False).nodes == both.plan(check=False).nodes
    assert "warmup: 0.1" in file.read_text(encoding="utf-8")
    longer = Study.from_yaml(file, ["training.parsing.epochs=5"])
    assert (longer.training_for("parsing").epochs, longer.training_for("upos").epochs) == (5, 1)


def test_the_plan_counts_the_steps_of_each_task(both: Study, treebanks: Path, tiny_encoder: Path) -> None:
    def steps(study: Study) -> int:
        (line,) = (line for line in describe_plan(study.plan()).splitlines() if line.startswith("total"))
        return int(line.split(", ")[-1].split()[0].replace(",", ""))

    alone = [
        make_study(treebanks, tiny_encoder, tasks=[task], training=training)
        for task, training in (("upos", UPOS), ("parsing", PARSING))
    ]
    assert steps(both) == sum(map(steps, alone))


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"ner": UPOS}, r"training\.ner: unknown task of this study 'ner'"),
        ({"upos": {"epochz": 1}}, r"training\.upos\.epochz: unknown key 'epochz'; did you mean 'epochs'"),
        ({"upos": {"epochs": -1}}, r"training\.upos\.epochs: expected at least"),
        ({"upos": {"select_by": {"upos": "f1"}}}, r"training\.upos\.select_by: unknown score of task upos"),
        ({"epochz": 1}, r"training\.epochz: unknown key 'epochz'; did you mean 'epochs'"),
        ({"epochs": 1, "upos": UPOS}, r"training\.upos: unknown key 'upos'"),
    ],
)
def test_mistakes_say_where_and_what_exists(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path, training: dict[str, Any], message: str
) -> None:
    plain = make_study(treebanks, tiny_encoder).to_yaml().partition("training:")[0]
    file = tmp_path / "study.yaml"
    file.write_text(f"{plain}training: {training}\nablations: [none]\n", encoding="utf-8")
    with pytest.raises(StudyError, match=message):
        Study.from_yaml(file).plan(check=False)
