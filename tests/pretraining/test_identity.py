"""A pretraining's identity holds all that determines its encoder, and stays what it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.pretraining.spec import PretrainingSpec

PLAIN: dict[str, Any] = {
    "name": "small",
    "architecture": {"model_type": "bert", "options": {"hidden_size": 16}},
    "corpora": {"xa": ["a.txt", {"controlled": "avin", "sentences": 20}], "xb": "b.tsv"},
    "drop": {"xb": ["Gen.3"]},
    "steps": 10,
    "seed": 4,
}
PARALLEL = {"corpora": {"xa": "p.tsv", "xb": "b.tsv"}, "share": 0.25, "mask_rate": 0.4}
#: Identities that version 0.1.0 gave.
GOLDEN: list[tuple[dict[str, Any], str]] = [
    ({}, "9f036bdb5afc"),
    ({"parallel": PARALLEL}, "22e99411829b"),
    ({"parallel": PARALLEL, "anchors": {"share": 0.25}}, "d6b20a1d39a9"),
    ({"anchors": {"corpora": PARALLEL["corpora"], "rate": 0.5}, "tokenizer": "unigram"}, "bb5cdc01cb90"),
    ({"grown_from": "parent", "growth": "stack", "accumulate": 2}, "0f890d0d229a"),
]


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of texts, which becomes the current one."""
    (tmp_path / "a.txt").write_text("lomir petak .\n", encoding="utf-8")
    (tmp_path / "b.tsv").write_text("Gen.1\tшалук горит .\n", encoding="utf-8")
    (tmp_path / "p.tsv").write_text("Gen.1\tlomir zunor .\n", encoding="utf-8")
    (tmp_path / "parent").mkdir()
    (tmp_path / "parent" / "config.json").write_text(json.dumps({"model_type": "bert"}), encoding="utf-8")
    (tmp_path / "parent" / "model.safetensors").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("changes", "golden"), GOLDEN)
def test_identities_of_version_0_1_0_stay(texts: Path, changes: dict[str, Any], golden: str) -> None:
    spec = PretrainingSpec.model_validate({**PLAIN, **changes})
    assert Pretraining.of(spec).id == golden
