"""Sentences and pairs of functions and controlled languages are checked as those of files are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from layerlab.data.catalog import registry
from layerlab.data.catalog.corpus import DataSpec, find_corpus, load_corpus, register_corpus
from layerlab.data.pairs import Pair
from layerlab.data.sentences import Corpus, Sentence
from layerlab.errors import DataError

FORMATS = {"upos": ("conllu",), "ner": ("iob2",), "nli": ("tsv", "jsonl")}


@pytest.fixture(autouse=True)
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_CORPORA", {})


def read(task: str, items: Sequence[Any], **options: object) -> Corpus:
    register_corpus(task, "xx", lambda split: items)
    return load_corpus(find_corpus(DataSpec.model_validate(options), task, FORMATS[task], "xx", "test"))


@pytest.mark.parametrize(
    ("task", "item", "message"),
    [
        ("upos", Sentence((None,), upos=("X",)), r"sentence 2: no word \(None\)"),  # type: ignore[arg-type]
        ("upos", Sentence(("",), upos=("X",)), "sentence 2: the word is empty"),
        ("upos", Sentence(("a\ud800",), upos=("X",)), "sentence 2: the word holds a lone surrogate"),
        ("upos", Sentence((), upos=()), "sentence 2: a sentence without words"),
        ("upos", Sentence(("a",), upos=("NOUN ",)), "sentence 2: tag 'NOUN ' has white space around it"),
        ("ner", Sentence(("a",), entities=("B-PER ",)), r'sentence 2: tag .*\{"B-PER ": "B-PER"\}'),
        ("ner", Sentence(("a",), entities=("I-PER",)), "sentence 2: I-PER after the start; not IOB2"),
        ("nli", Pair("a", "b\ud800", "yes"), "pair 2: second holds a lone surrogate"),
        ("nli", Pair("a", None, "yes"), "pair 2: second holds nothing; expected text"),  # type: ignore[arg-type]
        ("nli", Pair("a", "b", "yes "), r'pair 2: label holds .yes .*tag_map: \{"yes ": "yes"\}'),
    ],
)
def test_what_is_wrong_with_a_function_is_said(task: str, item: Sentence | Pair, message: str) -> None:
    good = {
        "upos": Sentence(("a",), upos=("X",)),
        "ner": Sentence(("a",), entities=("O",)),
        "nli": Pair("a", "b", "no"),
    }
    with pytest.raises(DataError, match=rf"registered corpus {task}/xx\[test\], {message}"):
        read(task, [good[task], item])


def test_a_function_that_raises_is_one_clear_error() -> None:
    def broken(split: str) -> None:
        raise KeyError(split)

    register_corpus("upos", "xx", broken)
    with pytest.raises(DataError, match=r"upos/xx\[test\]: its function raised KeyError: 'test'"):
        find_corpus(DataSpec(), "upos", FORMATS["upos"], "xx", "test")


def test_options_hold_for_functions_too() -> None:
    strays = [Sentence(("a", "b"), entities=("I-PER", "B-OTH"), sent_id="s")]
    corpus = read("ner", strays, tag_map={"OTH": "O"}, stray_tags="begin")
    assert corpus.sentences == (Sentence(("a", "b"), entities=("B-PER", "O"), sent_id="s"),)
    mapped = read("nli", [Pair("a", "b", "yes")], tag_map={"yes": "entailment"})
    assert mapped.sentences[0].label == "entailment"


def test_schemes_and_prefixes_are_read_and_noted() -> None:
    corpus = read("ner", [Sentence(("sl:Ana", "sl:spi"), entities=("S-PER", "O"))])
    assert corpus.sentences[0].words == ("Ana", "spi")
    assert corpus.sentences[0].entities == ("B-PER", "O")
    assert [note.split()[0] for note in corpus.notes] == ["the", "'sl:'"]


@dataclass(frozen=True)
class Mine:
    """A sentence of a task of one's own."""

    words: tuple[str, ...] = ("a",)
    upos: tuple[str, ...] = ()
    heads: tuple[int, ...] = ()
    relations: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    sent_id: str = ""


def test_items_that_are_like_sentences_are_left_as_they_are_and_others_refused() -> None:
    assert read("upos", [Mine(), Mine()]).sentences == (Mine(), Mine())
    for items, number in (([("a", 1)], 1), ([Sentence(("a",)), Pair("a", "b", "1")], 2)):
        with pytest.raises(
            DataError, match=rf"item {number}: it is a \w+; expected Sentence objects, or Pair"
        ):
            read("upos", items)


def test_a_map_of_entities_changes_no_corpus_of_another_task() -> None:
    sentences = [Sentence(("a",), upos=("X",), entities=("B-PER",))]
    assert read("upos", sentences, tag_map={"PER": "O"}).sentences == tuple(sentences)
