from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
from pydantic import ValidationError

from layerlab.data.catalog import corpus as catalog
from layerlab.data.catalog import registry
from layerlab.data.catalog.corpus import DataSpec, find_corpus, load_corpus, register_corpus
from layerlab.data.catalog.defaults import default_corpora
from layerlab.data.hub.hub_source import HubSource
from layerlab.data.sentences import Sentence
from layerlab.errors import DataError

Write = Callable[[str, str], Path]
TREES, TAGS = ("conllu",), ("iob2",)


@pytest.fixture(autouse=True)
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_CORPORA", {})


def test_local_corpus_is_found_without_being_parsed_and_then_loaded(treebanks: Path) -> None:
    ref = find_corpus(DataSpec(root=treebanks), "upos", TREES, "aa", "train")
    corpus = load_corpus(ref)
    assert ref.path == treebanks / "aa/train.conllu"
    assert (len(corpus.sentences), corpus.digest, corpus.where) == (48, ref.digest, str(ref.path))


def test_broken_file_is_found_but_not_loaded(write: Write, tmp_path: Path) -> None:
    write("aa/test.conllu", "1\tx\n")
    ref = find_corpus(DataSpec(root=tmp_path), "upos", TREES, "aa", "test")
    with pytest.raises(DataError, match=r"test.conllu:1: expected 10"):
        load_corpus(ref)


def test_digest_follows_the_content_and_not_the_place(treebanks: Path, tmp_path: Path) -> None:
    shutil.copytree(treebanks / "aa", tmp_path / "elsewhere/zz")
    here = find_corpus(DataSpec(root=treebanks), "upos", TREES, "aa", "dev")
    there = find_corpus(DataSpec(root=tmp_path / "elsewhere"), "upos", TREES, "zz", "dev")
    assert here.digest == there.digest
    moved = tmp_path / "elsewhere/zz/dev.conllu"
    moved.write_text(moved.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    os.utime(moved, (1, 1))
    assert (
        find_corpus(DataSpec(root=tmp_path / "elsewhere"), "upos", TREES, "zz", "dev").digest != here.digest
    )


def test_digest_follows_how_the_corpus_is_read(treebanks: Path) -> None:
    specs = [
        DataSpec(root=treebanks),
        DataSpec(root=treebanks, limit={"dev": 5}),
        DataSpec(root=treebanks, tag_map={"PER": "O"}),
        DataSpec(root=treebanks, stray_tags="begin"),
        DataSpec(root=treebanks, with_entities=("dev",)),
    ]
    assert len({find_corpus(spec, "ner", TAGS, "aa", "dev").digest for spec in specs}) == len(specs)
    trees = {find_corpus(spec, "upos", TREES, "aa", "dev").digest for spec in specs}
    assert len(trees) == 2, "tag_map, stray_tags and with_entities change nothing in a treebank"
    other = DataSpec(root=treebanks, limit={"train": 5}, with_entities=("train",))
    assert (
        find_corpus(other, "ner", TAGS, "aa", "dev").digest
        == find_corpus(specs[0], "ner", TAGS, "aa", "dev").digest
    )


def test_limit_takes_sentences_from_the_whole_file(treebanks: Path) -> None:
    spec = DataSpec(root=treebanks, limit={"train": 4})
    corpus = load_corpus(find_corpus(spec, "upos", TREES, "bb", "train"))
    assert [s.sent_id for s in corpus.sentences] == [f"bb-train-{i}" for i in (0, 12, 24, 36)]


def test_tag_map_reaches_the_reader(treebanks: Path) -> None:
    spec = DataSpec(root=treebanks, tag_map={"PER": "NAME"})
    corpus = load_corpus(find_corpus(spec, "ner", TAGS, "aa", "train"))
    assert {tag for s in corpus.sentences for tag in s.entities} == {"O", "B-NAME"}


def test_kept_stray_tags_are_noted(write: Write, tmp_path: Path) -> None:
    write("aa/test.iob2", "".join(f"1\tMila{i}\tB-PER\n\n" for i in range(150)) + "1\tRek\tI-LOC\n")
    corpus = load_corpus(find_corpus(DataSpec(root=tmp_path), "ner", TAGS, "aa", "test"))
    assert corpus.notes == ("1 of 151 entities begin with I-; strict scoring counts them as none",)


def test_sentences_that_name_no_entity_are_left_out_before_the_limit(write: Write, tmp_path: Path) -> None:
    write("aa/train.iob2", "".join(f"1\tw{i}\t{'B-LOC' if i % 3 else 'O'}\n\n" for i in range(12)))
    spec = DataSpec(root=tmp_path, with_entities=("train",), limit={"train": 4})
    corpus = load_corpus(find_corpus(spec, "ner", TAGS, "aa", "train"))
    assert [s.words for s in corpus.sentences] == [("w1",), ("w4",), ("w7",), ("w10",)]
    assert corpus.notes == ("the 8 of 12 sentences that name an entity are read",)


def test_a_split_without_entities_is_refused_where_only_sentences_with_entities_are_wanted(
    write: Write, tmp_path: Path
) -> None:
    write("aa/train.iob2", "1\tw\tB-OTH\n")
    spec = DataSpec(root=tmp_path, with_entities=("train",), tag_map={"OTH": "O"})
    with pytest.raises(DataError, match="train.iob2: none of 1 sentences names an entity"):
        load_corpus(find_corpus(spec, "ner", TAGS, "aa", "train"))


def test_language_without_data_split_and_misspelt_split_are_refused(treebanks: Path) -> None:
    spec = DataSpec(root=treebanks)
    with pytest.raises(DataError, match=r"unknown language 'dd'.*Known: aa, bb, cc"):
        find_corpus(spec, "upos", TREES, "dd", "test")
    with pytest.raises(DataError, match="unknown split 'tests'; did you mean 'test'"):
        find_corpus(spec, "upos", TREES, "aa", "tests")


def test_no_reader_for_other_files(write: Write, tmp_path: Path) -> None:
    write("aa/test.midi", "x")
    ref = find_corpus(DataSpec(root=tmp_path), "songs", ("midi",), "aa", "test")
    with pytest.raises(
        DataError, match=r"no reader for '.midi' files: expected .conllu, .iob2, .tsv or .jsonl"
    ):
        load_corpus(ref)


def test_data_set_on_disk_is_found_loaded_and_its_digest_follows_its_content(tmp_path: Path) -> None:
    digests = []
    for number, tag in enumerate(["NOUN", "VERB"]):
        data = datasets.Dataset.from_dict({"tokens": [["mira"]], "upos": [[tag]]})
        datasets.DatasetDict({"train": data}).save_to_disk(str(tmp_path / str(number) / "aa_bank"))
        spec = DataSpec(hub=str(tmp_path / str(number)), hub_config="{language}_bank")
        ref = find_corpus(spec, "upos", TREES, "aa", "train")
        assert load_corpus(ref).sentences[0].upos == (tag,)
        digests.append(ref.digest)
    assert digests[0] != digests[1]


def test_registered_function_serves_where_the_root_lacks_the_language(treebanks: Path) -> None:
    def load(split: str) -> list[Sentence] | None:
        return None if split == "dev" else [Sentence((split,), upos=("X",))]

    register_corpus("upos", "xx", load)
    register_corpus("upos", "aa", load)
    spec = DataSpec(root=treebanks)
    assert load_corpus(find_corpus(spec, "upos", TREES, "xx", "test")).sentences[0].words == ("test",)
    assert find_corpus(spec, "upos", TREES, "aa", "test").path is not None
    with pytest.raises(DataError, match=r"registered corpus upos/xx\[dev\]: it has no dev split"):
        find_corpus(spec, "upos", TREES, "xx", "dev")


def test_registered_folder_is_found_without_a_root(treebanks: Path) -> None:
    register_corpus("upos", "kk", treebanks / "bb")
    assert find_corpus(DataSpec(), "upos", TREES, "kk", "dev").path == treebanks / "bb/dev.conllu"
    register_corpus("upos", "ll", treebanks / "nothing")
    with pytest.raises(DataError, match=r"ll: no \.conllu files in .*nothing"):
        find_corpus(DataSpec(), "upos", TREES, "ll", "dev")


def test_default_catalogue_names_many_languages_and_refuses_others() -> None:
    assert len(default_corpora("upos")) >= 25
    assert {"en", "fr", "de", "ru", "fi", "ja", "tr"} <= set(default_corpora("upos")) & set(
        default_corpora("ner")
    )
    with pytest.raises(DataError, match=r"no corpus for task upos: unknown language 'qq'.*register_corpus"):
        find_corpus(DataSpec(), "upos", TREES, "qq", "test")


def test_a_treebank_of_the_hub_is_the_configuration_that_bears_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[HubSource] = []

    def load(source: HubSource, *_: object) -> tuple[tuple[Sentence, ...], tuple[str, ...]]:
        asked.append(source)
        return (Sentence(("mira",), upos=("NOUN",)),), ()

    monkeypatch.setattr(catalog, "load_hub", load)
    find_corpus(DataSpec(), "upos", TREES, "en:GUM", "test")
    find_corpus(DataSpec(), "parsing", TREES, "en", "test")
    spec = DataSpec(hub="me/trees", hub_config="{language}_best", revision="v2")
    find_corpus(spec, "upos", TREES, "en:LinES", "test")
    find_corpus(spec, "upos", TREES, "en", "test")
    assert [str(source) for source in asked] == [
        "commul/universal_dependencies@2.17/en_gum[test]",
        "commul/universal_dependencies@2.17/en_ewt[test]",
        "me/trees@v2/en_lines[test]",
        "me/trees@v2/en_best[test]",
    ]
    with pytest.raises(DataError, match="no corpus for task ner: unknown language 'en:GUM'"):
        find_corpus(DataSpec(), "ner", TAGS, "en:GUM", "test")


def test_a_treebank_that_a_data_set_on_disk_lacks_is_refused(tmp_path: Path) -> None:
    data = datasets.Dataset.from_dict({"tokens": [["mira"]], "upos": [["NOUN"]]})
    for name in ("en_ewt", "en_gum"):
        datasets.DatasetDict({"test": data}).save_to_disk(str(tmp_path / name))
    spec = DataSpec(hub=str(tmp_path), hub_config="{language}_ewt")
    assert load_corpus(find_corpus(spec, "upos", TREES, "en:GUM", "test")).sentences[0].words == ("mira",)
    with pytest.raises(DataError, match="unknown configuration 'en_gmu'; did you mean 'en_gum'"):
        find_corpus(spec, "upos", TREES, "en:GMU", "test")


def test_a_treebank_in_a_folder_is_read_like_any_corpus(treebanks: Path, tmp_path: Path) -> None:
    shutil.copytree(treebanks / "aa", tmp_path / "ud/aa")
    shutil.copy(treebanks / "bb/test.conllu", tmp_path / "ud/aa/Zoo.conllu")
    spec = DataSpec(root=tmp_path / "ud", limit={"test": 4})
    corpus = load_corpus(find_corpus(spec, "upos", TREES, "aa:Zoo", "test"))
    assert [s.sent_id for s in corpus.sentences] == [f"bb-test-{i}" for i in (0, 4, 8, 12)]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"root": "a", "hub": "b"}, "not both"),
        ({"folders": {"en": "x"}}, "give root as well"),
        ({"revision": "v2"}, "give hub as well"),
        ({"root": "a", "limit": {"train": 0}}, "at least 1 sentence"),
        ({"rooot": "a"}, "rooot"),
        ({"limit": {"validation": 5}}, "validation"),
    ],
)
def test_contradictory_data_sections_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DataSpec.model_validate(fields)
