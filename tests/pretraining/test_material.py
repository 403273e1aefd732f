"""What a pretraining trains on is made once, and made again where its making was cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.pretraining import material
from layerlab.pretraining.material import prepare
from layerlab.pretraining.spec import PretrainingSpec


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("call", ["write_json", "write_text"])
def test_a_start_that_was_killed_just_before_its_end_is_made_again_and_then_believed(
    spec: PretrainingSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(material, call, die)
    with pytest.raises(Killed, match="^$"):
        prepare(spec, tmp_path)
    monkeypatch.undo()
    made = prepare(spec, tmp_path)
    again = prepare(spec, tmp_path)
    assert made.n_tokens == again.n_tokens
    for language, packed in made.packed.items():
        assert (packed.train == again.packed[language].train).all()
