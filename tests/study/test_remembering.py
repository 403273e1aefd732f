"""What a plan found out about encoders and corpora is not found out again."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.models import tokenizers
from layerlab.study.costs import cost
from layerlab.study.planning import vocabulary
from layerlab.study.study import Study
from tests.fixtures.studies import make_study


def test_a_second_plan_loads_no_tokenizer_and_says_the_same(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAYERLAB_CACHE", str(tmp_path))
    first = study.plan().describe()
    assert "a word (measured)" in first
    with monkeypatch.context() as patched:
        for module in (tokenizers, vocabulary, cost):
            patched.setattr(module, "find_tokenizers", lambda *_: pytest.fail("loaded again"))
        assert study.plan().describe() == first


def test_a_corpus_that_has_changed_is_looked_at_again(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAYERLAB_CACHE", str(tmp_path / "cache"))
    for file in treebanks.rglob("*.conllu"):
        copy = tmp_path / "data" / file.relative_to(treebanks)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    changed = make_study(tmp_path / "data", tiny_encoder)
    assert not [note for note in changed.plan().notes if "unknown" in note]
    file = tmp_path / "data" / "bb" / "test.conllu"
    row = "1\t\u4e5e\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n"
    file.write_text(row * 20, encoding="utf-8")
    assert any("100% of the words" in note for note in changed.plan().notes)
