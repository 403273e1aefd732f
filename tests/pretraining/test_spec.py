from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from layerlab.errors import StudyError
from layerlab.pretraining.spec import PretrainingSpec, read_spec

SPEC = """\
name: small
architecture:
  model_type: bert
  options: {num_hidden_layers: 2}
corpora:
  no: texts/no.txt
  en: [texts/en.txt, bible/en.tsv.xz]
drop:
  en: [Ps]
steps: 10
learning_rate: 1e-3
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_spec_reads_norwegian_and_exponents_as_written(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, SPEC))
    assert list(spec.corpora) == ["no", "en"]
    assert spec.learning_rate == 0.001
    assert spec.architecture.options == {"num_hidden_layers": 2}


def test_corpus_paths_are_relative_to_the_spec_file(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, SPEC))
    assert spec.corpora["no"] == (tmp_path / "texts/no.txt",)
    assert spec.corpora["en"][1] == tmp_path / "bible/en.tsv.xz"


def test_a_spec_survives_json(spec: PretrainingSpec) -> None:
    assert PretrainingSpec.model_validate_json(spec.canonical()) == spec


def test_a_spec_cannot_be_changed(spec: PretrainingSpec) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        spec.steps = 3


def test_all_mistakes_are_reported_at_once_with_their_lines(tmp_path: Path) -> None:
    text = SPEC.replace("steps: 10", "setps: 10").replace("learning_rate: 1e-3", "mask_rate: 2")
    with pytest.raises(StudyError, match="3 problems") as caught:
        read_spec(write(tmp_path, text))
    message = str(caught.value)
    assert "line 10: setps: unknown key 'setps'; did you mean 'steps'?" in message
    assert "line 11: mask_rate: expected less than 1, got 2" in message
    assert "steps: missing" in message


def test_drop_of_a_language_without_corpus_names_the_languages(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="unknown language 'eng'; did you mean 'en'"):
        read_spec(write(tmp_path, SPEC.replace("  en: [Ps]", "  eng: [Ps]")))


def test_a_language_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="language 'no' has no file"):
        read_spec(write(tmp_path, SPEC.replace("no: texts/no.txt", "no: []")))


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [1", "line 1"), ("- 1", "holds `key: value` pairs; got a list"), ("", "got nothing")],
)
def test_what_is_no_spec_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        read_spec(write(tmp_path, text))


def test_a_missing_spec_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such pretraining spec"):
        read_spec(tmp_path / "absent.yaml")
