"""Every real file can be read; skipped where the treebanks are absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.data.catalog.corpus import DataSpec, find_corpus, load_corpus
from layerlab.data.catalog.intake import find_prefix
from layerlab.data.checks import check_trees
from layerlab.data.formats.conllu import read_conllu
from layerlab.data.formats.iob import read_iob
from layerlab.data.formats.parallel_treebanks import read_parallel
from layerlab.data.survey import survey
from layerlab.data.tags import TagOptions

pytestmark = pytest.mark.data

TAG_MAP = {"OTH": "O", "B-O": "O", "-": "O"}


def test_every_treebank_is_read_with_a_complete_tree(data_root: Path) -> None:
    files = sorted(data_root.glob("ud/*/*.conllu"))
    assert len(files) >= 30
    for file in files:
        sentences = read_conllu(file)
        assert all(s.sent_id and len(s.heads) == len(s.words) for s in sentences), file
        check_trees(sentences, str(file))


def test_number_of_sentences_and_words_is_that_of_the_release(data_root: Path) -> None:
    sentences = read_conllu(data_root / "ud/en/dev.conllu")
    assert (len(sentences), sum(len(s.words) for s in sentences)) == (2001, 25147)


def test_parallel_treebanks_have_the_same_thousand_sentences(data_root: Path) -> None:
    paths = {file.stem: file for file in sorted(data_root.glob("pud/*.conllu"))}
    parallel = read_parallel(paths)
    names = [s.sent_id for s in next(iter(parallel.values()))]
    assert len(names) == 1000
    for language, sentences in parallel.items():
        assert [s.sent_id for s in sentences] == names, language


def test_every_entity_file_is_read(data_root: Path) -> None:
    files = sorted(data_root.glob("ner/*/*.iob2"))
    assert len(files) >= 20
    for file in files:
        tags = {tag for s in read_iob(file, TagOptions(TAG_MAP))[0] for tag in s.entities}
        assert tags <= {"O"} | {f"{p}-{kind}" for p in "BI" for kind in ("PER", "LOC", "ORG")}, file


def test_catalogue_finds_languages_in_differently_named_folders(data_root: Path) -> None:
    spec = DataSpec(
        root=data_root / "ner", folders={"da": "Danish-DDT"}, tag_map=TAG_MAP, limit={"train": 4000}
    )
    corpus = load_corpus(find_corpus(spec, "ner", ("iob2",), "da", "train"))
    assert len(corpus.sentences) == 4000
    assert corpus.notes
    assert all("begin with I-" in note for note in corpus.notes)
    pud = find_corpus(DataSpec(root=data_root / "pud"), "upos", ("conllu",), "is", "test")
    assert len(load_corpus(pud).sentences) == 1000


def test_nothing_is_told_of_real_treebanks(data_root: Path) -> None:
    """Texts that are whole have no note: a note is for what is odd."""
    for file in sorted(data_root.glob("ud/*/test.conllu")):
        assert survey(read_conllu(file), str(file)) == ()
        assert find_prefix(file) == ""
