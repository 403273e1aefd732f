from __future__ import annotations

from pathlib import Path

import pytest
import torch

from layerlab.errors import CheckpointError
from layerlab.models.checkpoints import find_checkpoint
from layerlab.models.encoder import Encoder
from layerlab.models.loading import split_revision
from layerlab.models.stored.bundled import bundled_encoders, bundled_folder

MEGABYTES = {"minimbert-controlled": 6, "minimbert": 20}


@pytest.mark.parametrize("name", bundled_encoders())
def test_a_bundled_encoder_loads_by_name_and_stays_small(name: str) -> None:
    encoder = Encoder.from_pretrained(name)
    assert encoder.n_layers == 12
    folder = bundled_folder(name)
    assert folder is not None
    assert (folder / "model.safetensors").stat().st_size <= MEGABYTES[name] * 1_000_000
    assert {"README.md", "spec.yaml", "tokenizer.json"} <= {p.name for p in folder.iterdir()}
    assert not list(folder.glob("training.*"))  # what it cost to make is in results/encoders
    with torch.no_grad():
        states = encoder.base(input_ids=torch.tensor([[2, 9, 10, 3]])).last_hidden_state
    assert torch.isfinite(states).all()


@pytest.mark.parametrize("name", bundled_encoders())
def test_a_study_finds_a_bundled_encoder_by_name(name: str) -> None:
    found = find_checkpoint(name)
    assert (found.label, found.revision, found.n_layers) == (name, None, 12)


def test_a_folder_that_is_called_so_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = bundled_encoders()[0]
    assert split_revision(name) == (str(bundled_folder(name)), None)
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert split_revision(name) == (name, None)


def test_an_unknown_name_is_told_which_encoders_there_are() -> None:
    with pytest.raises(CheckpointError, match=r"minibert.*come with layerlab \(.*minimbert-controlled"):
        Encoder.from_pretrained("minibert")
