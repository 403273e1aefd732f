"""The catalogue and controlled languages: made on demand, or read from a folder that was written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from layerlab.data.catalog.corpus import CorpusRef, DataSpec, find_corpus
from layerlab.data.pairs import PAIR_FORMATS
from layerlab.data.spec import Controlled
from layerlab.errors import DataError
from layerlab.languages.corpora.release import Request, write_languages
from layerlab.tasks.corpora import read_corpus

FORMATS = {"upos": ("conllu",), "ner": ("iob2",), "nli": PAIR_FORMATS}
SIZES = {"train": 30, "dev": 10, "test": 12}


def spec(**changes: object) -> DataSpec:
    return DataSpec(controlled=Controlled.model_validate({**SIZES, **changes}))


def find(data: DataSpec, language: str = "belo", split: str = "test", task: str = "upos") -> CorpusRef:
    return find_corpus(data, task, FORMATS[task], language, split)


@pytest.mark.parametrize("language", ["belo", "belo-talk", "huan"])
def test_on_demand_is_what_a_folder_of_the_same_seed_holds(tmp_path: Path, language: str) -> None:
    from layerlab.languages.world.registers import find_domain

    request = Request(("belo", "huan"), SIZES, seed=3, domains=(find_domain("talk"),))
    folder, _ = write_languages(tmp_path / "family", request)
    for split, size in SIZES.items():
        for task in ("upos", "ner"):
            made = read_corpus(find(spec(seed=3), language, split, task))
            read = read_corpus(find(DataSpec(root=folder), language, split, task))
            assert len(made.sentences) == size
            for ours, theirs in zip(made.sentences, read.sentences, strict=True):
                assert (ours.words, ours.sent_id) == (theirs.words, theirs.sent_id)
                if task == "upos":
                    assert (ours.upos, ours.heads, ours.relations) == (
                        theirs.upos,
                        theirs.heads,
                        theirs.relations,
                    )
                else:
                    assert ours.entities == theirs.entities


def test_digest_follows_the_content_and_nothing_else() -> None:
    base = find(spec()).digest
    assert find(spec()).digest == base
    assert find(spec(train=99)).digest == base
    assert find(spec(test=13)).digest != base
    assert find(spec(seed=1)).digest != base
    assert find(spec(), "avin").digest != base
    assert find(spec(), "belo-talk").digest != base
    assert find(spec(parallel=[])).digest != base


def test_a_family_of_ones_own_is_read_from_its_file_each_time(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("languages: {mira: {order: SOV}}", encoding="utf-8")
    first = find(spec(family=str(path)), "mira")
    path.write_text("languages: {mira: {order: VSO}}", encoding="utf-8")
    assert find(spec(family=str(path)), "mira").digest != first.digest
    with pytest.raises(DataError, match="unknown controlled language 'belo'; .*Known: mira"):
        find(spec(family=str(path)))


def test_families_that_come_with_layerlab_are_found_by_name() -> None:
    assert len(read_corpus(find(spec(family="instrument"), "ilda")).sentences) == SIZES["test"]
    with pytest.raises(
        DataError, match="unknown family of languages 'instrumint'; did you mean 'instrument'"
    ):
        find(spec(family="instrumint"), "ilda")


def test_limit_and_tag_map_hold() -> None:
    limited = spec().model_copy(update={"limit": {"test": 4}})
    assert len(read_corpus(find(limited)).sentences) == 4
    mapped = spec(test=60).model_copy(update={"tag_map": {"PER": "O", "ORG": "GROUP"}})
    corpus = read_corpus(find(mapped, task="ner"))
    assert {tag[2:] for s in corpus.sentences for tag in s.entities if tag != "O"} <= {"LOC", "GROUP"}
    assert find(mapped, task="ner").digest != find(spec(test=60), task="ner").digest


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("bello", "unknown controlled language 'bello'; did you mean 'belo'"),
        ("belo-new", "unknown domain 'new'; did you mean 'news'"),
        ("en", "unknown controlled language 'en'"),
    ],
)
def test_what_is_not_spoken_is_told(language: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        find(spec(), language)


def test_a_task_on_what_is_not_spoken_is_told_what_is() -> None:
    with pytest.raises(DataError, match="task songs takes midi; controlled languages have conllu, iob2, tsv"):
        find_corpus(spec(), "songs", ("midi",), "belo", "test")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"controlled": {}, "root": "a"}, "give controlled"),
        ({"controlled": {}, "hub": "a"}, "give controlled"),
        ({"controlled": {"sizes": 3}}, "sizes"),
        ({"controlled": {"train": 0}}, "expected at least 1 sentence, got"),
        ({"controlled": {"parallel": ["tset"]}}, "parallel"),
    ],
)
def test_contradictory_sections_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DataSpec.model_validate(fields)


def test_resolved_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    resolved = spec(family="mine.yaml").resolved().controlled
    assert resolved is not None
    assert resolved.family == str(tmp_path.resolve() / "mine.yaml")
    named = spec(family="instrument")
    assert named.resolved() == named
    assert DataSpec(root=Path("x")).resolved().root == tmp_path.resolve() / "x"


def test_the_catalogue_does_not_import_the_languages_unless_they_are_spoken() -> None:
    code = (
        "import sys, layerlab.data.catalog.corpus, layerlab.tasks.corpora\n"
        "sys.exit(any(name.startswith('layerlab.languages') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_domain_is_written_like_a_treebank_too(tmp_path: Path) -> None:
    from layerlab.languages.world.registers import find_domain

    colon, dash = (read_corpus(find(spec(), name)) for name in ("belo:talk", "belo-talk"))
    assert colon.sentences == dash.sentences
    assert colon.sentences != read_corpus(find(spec(), "belo")).sentences
    request = Request(("belo",), SIZES, seed=0, domains=(find_domain("talk"),))
    folder, _ = write_languages(tmp_path / "family", request)
    read = read_corpus(find(DataSpec(root=folder), "belo:talk"))
    assert [s.words for s in read.sentences] == [s.words for s in colon.sentences]
    with pytest.raises(DataError, match="unknown domain 'tlak'; did you mean 'talk'"):
        find(spec(), "belo:tlak")
    with pytest.raises(DataError, match="unknown controlled language 'bleo:talk'"):
        find(spec(), "bleo:talk")


@pytest.mark.parametrize("language", ["belo", "huan"])
def test_controlled_pairs_on_demand_are_those_of_a_folder(tmp_path: Path, language: str) -> None:
    sizes = {"train": 9, "dev": 6, "test": 7}
    folder, _ = write_languages(
        tmp_path / "family", Request(("belo", "huan"), {"train": 3, "dev": 3, "test": 3}, sizes, seed=3)
    )
    spoken = DataSpec(controlled=Controlled.model_validate({**sizes, "seed": 3}))
    for split, size in sizes.items():
        made = read_corpus(find(spoken, language, split, "nli"))
        assert len(made.sentences) == size
        assert made.sentences == read_corpus(find(DataSpec(root=folder), language, split, "nli")).sentences
    assert find(spoken, language, task="nli").digest != find(spoken, language, "dev", "nli").digest
    with pytest.raises(DataError, match="unknown controlled language 'belo-news'"):
        find(spoken, "belo-news", task="nli")


def test_without_the_tasks_nothing_makes_controlled_languages() -> None:
    code = (
        "from layerlab.data.catalog.corpus import DataSpec, find_corpus\n"
        "find_corpus(DataSpec(controlled={}), 'upos', ('conllu',), 'belo', 'test')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "expected layerlab.tasks.corpora to be imported" in done.stderr
