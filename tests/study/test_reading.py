from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.config import apply_override
from layerlab.errors import Problem, StudyError
from layerlab.measures.options import Measures
from layerlab.study.study import Study

STUDY = """\
name: words
models: [some/model]
tasks: [upos]
data: {{root: {root}}}
sources: [aa]
targets: [aa, no]
seeds: [0, 1]
ablations:
  - none
  - {{sweep: {{windows: 2}}, before: [{{reset: {{to: random}}}}]}}
  - {{name: freeze late, during: [{{at: 0.5, freeze: {{layers: 0-1}}}}]}}
training:
  epochs: 2
  learning_rate: 2e-5
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_norwegian_is_a_language_and_an_exponent_is_a_number(tmp_path: Path) -> None:
    study = Study.from_yaml(write(tmp_path, STUDY.format(root=tmp_path)))
    assert study.targets == ("aa", "no")
    assert study.training_for("upos").learning_rate == 2e-5
    assert len(study.ablations) == 3


def test_a_study_reads_back_from_its_own_yaml(tmp_path: Path) -> None:
    study = Study.from_yaml(write(tmp_path, STUDY.format(root=tmp_path)))
    again = Study.from_yaml(write(tmp_path, study.to_yaml()))
    assert again == study


def test_overrides_replace_values_and_list_items(tmp_path: Path) -> None:
    path = write(tmp_path, STUDY.format(root=tmp_path))
    overrides = ["training.epochs=5", "seeds[1]=7", "targets=[de]", "training.weight_decay=0.1"]
    study = Study.from_yaml(path, overrides)
    assert study.training_for("upos").epochs == 5
    assert study.seeds == (0, 7)
    assert study.targets == ("de",)
    assert study.training_for("upos").weight_decay == 0.1


MEASURES = [
    "measures: [cka, change]\n",
    "measures: cka\n",
    'measures:\n  names: [cka, drift]\n  parallel: tatoeba\n  sentences: null\n  languages: [de, "no"]\n',
]


@pytest.mark.parametrize("section", MEASURES)
def test_measures_read_back_from_their_own_yaml(tmp_path: Path, section: str) -> None:
    study = Study.from_yaml(write(tmp_path, STUDY.format(root=tmp_path) + section))
    assert study.measures is not None
    assert study.measures.names[0] == "cka"
    assert Study.from_yaml(write(tmp_path, study.to_yaml())) == study
    plain = Study.from_yaml(write(tmp_path, STUDY.format(root=tmp_path)))
    assert plain.measures is None
    assert "measures:" not in plain.to_yaml()


def test_measures_are_overridden_in_short_and_long_form(tmp_path: Path) -> None:
    bare = STUDY.format(root=tmp_path)
    study = Study.from_yaml(write(tmp_path, bare), ["measures=[cka]", "measures.sentences=50"])
    assert study.measures == Measures(names=("cka",), sentences=50)
    path = write(tmp_path, bare + "measures: [cka, drift]\n")
    study = Study.from_yaml(path, ["measures.parallel=tatoeba", "measures.names[1]=retrieval"])
    assert study.measures == Measures(names=("cka", "retrieval"), parallel="tatoeba")
    assert Study.from_yaml(path, ["measures=null"]).measures is None


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("measures: [ckaa]", r"line 15: measures\.names: unknown measure 'ckaa'; did you mean 'cka'"),
        ("measures: {name: [cka]}", r"line 15: measures\.name: unknown key 'name'; did you mean 'names'"),
        ("measures: {parallel: pud}", r"measures\.names: missing; measures needs it"),
        ("measures: {names: [cka], pooling: max}", r"line 15: measures\.pooling: .*'first'.*got 'max'"),
        ("measures: 3", r"line 15: measures: .*expected names of measures.*got 3"),
    ],
)
def test_mistakes_in_measures_say_where_and_what_exists(tmp_path: Path, section: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        Study.from_yaml(write(tmp_path, STUDY.format(root=tmp_path) + section + "\n"))


def test_every_mistake_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    text = STUDY.format(root=tmp_path)
    text = (
        text.replace("epochs: 2", "epoch: 2")
        .replace("targets:", "target:")
        .replace("to: random", "tu: random")
    )
    with pytest.raises(StudyError, match="3 problems") as caught:
        Study.from_yaml(write(tmp_path, text))
    message = str(caught.value)
    assert "line 6: target: unknown key 'target'; did you mean 'targets'?" in message
    assert "line 10" in message
    assert "'tu'" in message
    assert "line 13: training.epoch: unknown key 'epoch'; did you mean 'epochs'?" in message


def test_missing_keys_are_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="models: missing"):
        Study.from_yaml(write(tmp_path, "name: x\n"))


def test_broken_yaml_has_a_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="line 3: not YAML"):
        Study.from_yaml(write(tmp_path, "name: x\nseeds: [0, 1\ntasks: upos\n"))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such study file"):
        Study.from_yaml(tmp_path / "none.yaml")


def test_a_repeated_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="listed twice: 1"):
        Study.from_yaml(write(tmp_path, STUDY.format(root=tmp_path)), ["seeds=[0,1,1]"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs", "expected path=value"),
        ("seeds[9]=1", "no index of a list of 2"),
        ("name.first=1", "nothing below"),
    ],
)
def test_an_override_that_leads_nowhere_is_a_problem(override: str, message: str) -> None:
    problem = apply_override({"name": "x", "seeds": [0, 1], "training": {}}, override)
    assert isinstance(problem, Problem)
    assert message in problem.message
