"""Encoders that cannot read the corpora of a study are found when it is planned."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from layerlab.errors import StudyError
from tests.fixtures.studies import make_study


def translate(word: str) -> str:
    """Write a word in Georgian letters."""
    return "".join(chr(0x10D0 + ord(sign) % 32) for sign in word)


def translate_words(path: Path) -> None:
    """Write the words of a CoNLL-U file in a script that the encoder has never seen."""
    lines = path.read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t") for line in lines]
    for row in rows:
        if len(row) == 10 and row[3] != "PUNCT":
            row[1] = translate(row[1])
    path.write_text("\n".join("\t".join(row) for row in rows), encoding="utf-8")


@pytest.fixture
def corpora(treebanks: Path, tmp_path: Path) -> Path:
    return shutil.copytree(treebanks, tmp_path / "data")


def test_a_source_that_is_unknown_to_the_encoder_is_refused(corpora: Path, tiny_encoder: Path) -> None:
    for split in ("train", "dev", "test"):
        translate_words(corpora / "aa" / f"{split}.conllu")
    study = make_study(corpora, tiny_encoder)
    with pytest.raises(StudyError, match=r"models\[0\]: \d+% of the words of .*train.conllu are unknown to"):
        study.plan()


def test_a_target_that_is_unknown_to_the_encoder_is_noted(corpora: Path, tiny_encoder: Path) -> None:
    translate_words(corpora / "bb" / "test.conllu")
    plan = make_study(corpora, tiny_encoder).plan()
    assert [note for note in plan.notes if "unknown" in note and "bb" in note and "test.conllu" in note]


def test_corpora_that_the_encoder_knows_are_not_spoken_of(corpora: Path, tiny_encoder: Path) -> None:
    assert not make_study(corpora, tiny_encoder).plan().notes


def test_a_tokenizer_without_ends_of_a_sentence_is_refused(
    corpora: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_encoder, tmp_path / "model")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    kept = {key: value for key, value in settings.items() if key not in {"cls_token", "sep_token"}}
    kept["tokenizer_class"] = "PreTrainedTokenizerFast"
    (folder / "tokenizer_config.json").write_text(json.dumps(kept))
    with pytest.raises(StudyError, match=r"models\[0\]: .* has no special tokens for the ends"):
        make_study(corpora, folder).plan()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("tokenizer.json", "tokenizer_config.json"), r"models\[0\]: .* holds no tokenizer"),
        (("model.safetensors",), r"models\[0\]: .* holds no weights"),
    ],
)
def test_a_checkpoint_that_lacks_files_is_refused(
    corpora: Path, tiny_encoder: Path, tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    folder = shutil.copytree(tiny_encoder, tmp_path / "model")
    for name in names:
        (folder / name).unlink()
    with pytest.raises(StudyError, match=message):
        make_study(corpora, folder).plan()
