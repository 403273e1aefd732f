"""Running text from files, from data sets saved to disk (as the Hub's are), and from controlled languages."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest

from layerlab.errors import DataError, StudyError
from layerlab.languages.corpora.treebanks import write_corpora
from layerlab.pretraining.material import language_paragraphs
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import PretrainingSpec, read_spec
from layerlab.pretraining.text.texts import ControlledText, HubText, digest_text, paragraphs_of


def save(folder: Path, texts: list[str]) -> HubText:
    rows = datasets.Dataset.from_dict({"body": texts, "length": [len(text) for text in texts]})
    datasets.DatasetDict({"train": rows}).save_to_disk(str(folder))
    return HubText(hub=str(folder), column="body")


def test_a_data_sets_lines_are_paragraphs(tmp_path: Path) -> None:
    text = save(tmp_path / "set", ["one", "two\n\n three ", "", "four"])
    assert list(paragraphs_of(text)) == ["one", "two", "three", "four"]
    assert list(paragraphs_of(text.model_copy(update={"rows": 2}))) == ["one", "two", "three"]


def test_a_data_set_may_have_a_folder_for_each_configuration(tmp_path: Path) -> None:
    save(tmp_path / "set/xa", ["a"])
    save(tmp_path / "set/xb", ["b"])
    text = HubText(hub=str(tmp_path / "set"), config="xb", column="body")
    assert list(paragraphs_of(text)) == ["b"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"column": "bdy"}, "unknown column 'bdy'; did you mean 'body'"),
        ({"column": "length"}, "row 0: length holds int; expected text"),
        ({"split": "test"}, "unknown split 'test'; Known: train"),
    ],
)
def test_what_a_data_set_lacks_is_said(tmp_path: Path, change: dict[str, str], message: str) -> None:
    text = save(tmp_path / "set", ["one"]).model_copy(update=change)
    with pytest.raises(DataError, match=message):
        list(paragraphs_of(text))


def test_controlled_text_is_what_layerlab_writes(tmp_path: Path) -> None:
    write_corpora(tmp_path, ["dako"], {}, text_sentences=40, seed=3)
    written = (tmp_path / "dako.txt").read_text(encoding="utf-8").splitlines()
    assert list(paragraphs_of(ControlledText(controlled="dako", sentences=40, seed=3))) == written


def test_digests_follow_content_and_not_names(tmp_path: Path) -> None:
    one, other = (save(tmp_path / name, ["a", "b"]) for name in ("one", "other"))
    assert digest_text(one) == digest_text(other)
    assert digest_text(one) != digest_text(save(tmp_path / "third", ["a", "c"]))
    controlled = ControlledText(controlled="avin", sentences=50)
    assert digest_text(controlled) == digest_text(controlled.model_copy())
    for change in ({"controlled": "belo"}, {"sentences": 60}, {"seed": 1}):
        assert digest_text(controlled.model_copy(update=change)) != digest_text(controlled)
    family = tmp_path / "family.yaml"
    family.write_text("languages: {avin: {order: SOV}}\n", encoding="utf-8")
    assert digest_text(controlled.model_copy(update={"family": family})) != digest_text(controlled)


def test_all_kinds_of_text_stand_in_one_spec(spec: PretrainingSpec, tmp_path: Path) -> None:
    save(tmp_path / "set", ["нево горит ."] * 30)
    (tmp_path / "xa.txt").write_text("lomir petak\n", encoding="utf-8")
    text = """
name: mixed
architecture: {model_type: bert}
steps: 1
corpora:
  xa: xa.txt
  xb: {hub: set, column: body}
  avin: [{controlled: avin, sentences: 5}, xa.txt]
"""
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    read = read_spec(tmp_path / "spec.yaml")
    assert PretrainingSpec.model_validate_json(read.canonical()) == read
    assert language_paragraphs(read, "xa") == ["lomir petak"]
    assert language_paragraphs(read, "xb") == ["нево горит ."] * 30
    assert language_paragraphs(read, "avin")[-1] == "lomir petak"
    corpora = {**spec.corpora, "avin": (ControlledText(controlled="avin", sentences=150),)}
    folder = pretrain(spec.model_copy(update={"corpora": corpora, "steps": 2}), tmp_path / "model", threads=1)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "Invented languages, made by a generator: avin." in card


def test_a_misspelt_text_is_reported_with_its_line(tmp_path: Path) -> None:
    text = "name: x\narchitecture: {model_type: bert}\nsteps: 1\ncorpora:\n  xa: a.txt\n  xb:\n"
    text += "    - {hub: some/set, colum: body}\n    - {hbu: some/set}\n"
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match="2 problems") as caught:
        read_spec(tmp_path / "spec.yaml")
    assert "line 7: corpora.xb[0].colum: unknown key 'colum'; did you mean 'column'?" in str(caught.value)
    assert "line 8: corpora.xb[1]: expected a file, {hub: ...} or {controlled: ...}" in str(caught.value)
