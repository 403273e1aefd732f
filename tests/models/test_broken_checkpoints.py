"""Broken checkpoints: each is refused where it is loaded; tests/malformed has them in plans."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from layerlab.errors import ArchitectureError, CheckpointError, LayerlabError
from layerlab.models.encoder import Encoder
from layerlab.models.tokenizers import check_vocabulary, find_tokenizers, load_tokenizer
from tests.malformed.checkpoints import BROKEN, BROKEN_TOKENIZERS, change_vocabulary, change_weights


@pytest.fixture
def folder(tiny_encoder: Path, tmp_path: Path) -> Path:
    """A copy of a whole checkpoint, to be broken."""
    return shutil.copytree(tiny_encoder, tmp_path / "model")


@pytest.mark.parametrize("breaking", BROKEN)
def test_a_broken_checkpoint_is_refused_when_it_is_loaded(folder: Path, breaking: str) -> None:
    break_it, message = BROKEN[breaking]
    break_it(folder)
    with pytest.raises((CheckpointError, ArchitectureError), match=message):
        Encoder.from_pretrained(str(folder))


def test_weights_that_are_not_finite_are_refused_when_they_are_loaded(folder: Path) -> None:
    def spoil(tensors: dict[str, Any]) -> None:
        tensors["encoder.layer.2.output.dense.bias"][3] = torch.nan

    change_weights(spoil)(folder)
    with pytest.raises(CheckpointError, match=r"layer.2.output.dense.bias holds numbers that are not finite"):
        Encoder.from_pretrained(str(folder))


@pytest.mark.parametrize("breaking", BROKEN_TOKENIZERS)
def test_a_broken_tokenizer_is_refused(folder: Path, breaking: str) -> None:
    break_it, message = BROKEN_TOKENIZERS[breaking]
    break_it(folder)
    for read in (load_tokenizer, find_tokenizers):
        with pytest.raises(CheckpointError, match=message):
            read(str(folder))


def test_a_tokenizer_far_smaller_than_the_embeddings_is_refused(tiny_encoder: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_encoder))
    check_vocabulary("a", tokenizer, 2 * len(tokenizer))
    with pytest.raises(CheckpointError, match="they are not of one model"):
        check_vocabulary("a", tokenizer, 2 * len(tokenizer) + 1)


def test_special_tokens_that_text_never_becomes_need_no_row(folder: Path) -> None:
    def add(tokenizer: dict[str, Any]) -> None:
        last = max(tokenizer["model"]["vocab"].values())
        tokenizer["added_tokens"].append({**tokenizer["added_tokens"][0], "id": last + 1, "content": "[X]"})

    change_vocabulary(add)(folder)
    assert load_tokenizer(str(folder)) is not None


def test_a_tokenizer_of_the_hub_that_is_not_here_is_none() -> None:
    assert find_tokenizers("nobody/nothing") is None
    with pytest.raises(LayerlabError, match="no tokenizer at 'nobody/nothing'"):
        load_tokenizer("nobody/nothing")
