"""What stands for a word: the default changes no identity in vain, and empty pieces are warned of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layerlab.nodes.identity import FitSpec
from tests.fixtures.encoders import build, make_config
from tests.fixtures.studies import make_study


@pytest.fixture(scope="module")
def blank_encoder(unigram: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder whose tokenizer has a bare space mark."""
    folder = tmp_path_factory.mktemp("blank") / "blank-encoder"
    build(make_config("bert", vocab_size=len(unigram), pad_token_id=1)).save_pretrained(folder)
    unigram.save_pretrained(folder)
    return folder


def specs(treebanks: Path, encoder: Path, **changes: Any) -> list[FitSpec]:
    return [fit.spec for fit in make_study(treebanks, encoder, **changes).plan().fits]


def test_the_default_is_the_first_piece_of_a_tokenizer_without_blanks(
    treebanks: Path, tiny_encoder: Path
) -> None:
    default = specs(treebanks, tiny_encoder)
    assert [one.id for one in default] == [one.id for one in specs(treebanks, tiny_encoder, word="first")]
    assert {one.word for one in default} == {"first"}
    assert not {one.id for one in default} & {one.id for one in specs(treebanks, tiny_encoder, word="mean")}


def test_a_tokenizer_with_blanks_has_another_default_than_the_first_piece(
    treebanks: Path, blank_encoder: Path
) -> None:
    default = specs(treebanks, blank_encoder)
    assert {one.word for one in default} == {"first-content"}
    assert not {one.id for one in default} & {one.id for one in specs(treebanks, blank_encoder, word="first")}


def test_the_plan_warns_of_words_that_are_read_by_nothing(treebanks: Path, blank_encoder: Path) -> None:
    warned = make_study(treebanks, blank_encoder, word="first").plan().notes
    assert any("begin with an empty piece" in note and "word: first-content" in note for note in warned)
    assert not any("empty piece" in note for note in make_study(treebanks, blank_encoder).plan().notes)


@pytest.mark.parametrize("word", ["first-content", "mean"])
def test_a_study_and_its_probes_read_words_as_it_says(
    word: str, treebanks: Path, blank_encoder: Path, tmp_path: Path
) -> None:
    study = make_study(
        treebanks,
        blank_encoder,
        word=word,
        seeds=[0],
        ablations=["none"],
        nodes={"probe": {}},
        training={"epochs": 1},
    )
    outcome = study.plan().run(tmp_path, workers=0, device="cpu", progress=False)
    assert outcome.good, outcome.status.failures
    assert f"word: {word}" in study.to_yaml() or word == "first-content"
