from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.data.catalog import registry
from layerlab.data.catalog.registry import register_corpus, registered, registered_languages
from layerlab.data.sentences import Sentence


@pytest.fixture(autouse=True)
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_CORPORA", {})


def test_folders_and_functions_are_found_by_task_and_language() -> None:
    def load(split: str) -> list[Sentence]:
        return [Sentence((split,))]

    register_corpus("upos", "xx", load)
    register_corpus("upos", "yy", "some/where")
    assert registered("upos", "xx") is load
    assert registered("upos", "yy") == Path("some/where")
    assert registered("ner", "xx") is None
    assert registered_languages("upos") == ("xx", "yy")


def test_packages_register_through_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class EntryPoint:
        def load(self) -> object:
            return lambda: register_corpus("upos", "zz", "from/package")

    registry._load_entry_points.cache_clear()
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint()])
    assert registered("upos", "zz") == Path("from/package")
    registry._load_entry_points.cache_clear()
