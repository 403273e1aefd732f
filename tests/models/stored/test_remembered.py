from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from layerlab.errors import CheckpointError
from layerlab.models import checkpoints, loading
from layerlab.models.checkpoints import find_checkpoint
from layerlab.models.stored.remembered import recall, remembered


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAYERLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_is_found_out_is_made_once_for_a_digest(cache: Path) -> None:
    made = []

    def make() -> dict[str, int]:
        made.append(1)
        return {"depth": len(made)}

    assert remembered("depth", "aa", make) == remembered("depth", "aa", make) == {"depth": 1}
    assert remembered("depth", "bb", make) == {"depth": 2}
    assert recall("width", "aa") is None
    for file in (cache / "checkpoints").iterdir():
        file.write_text("{cut o")
    assert remembered("depth", "aa", make) == {"depth": 3}


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAYERLAB_CACHE", str(tmp_path / "file"))
    assert remembered("depth", "aa", lambda: {"depth": 4}) == {"depth": 4}


def test_a_checkpoint_that_was_found_is_not_loaded_again(
    checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoint("bert")
    found = find_checkpoint(str(folder))
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "load_config", lambda *_, **__: pytest.fail("loaded again"))
        assert find_checkpoint(str(folder)) == found


def test_a_checkpoint_that_has_changed_is_checked_again(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    for file in checkpoint("bert").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    find_checkpoint(str(folder))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    loading.check_weights.cache_clear()
    with pytest.raises(CheckpointError, match="was cut off"):
        find_checkpoint(str(folder))
