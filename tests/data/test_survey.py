"""What a look at a whole corpus tells before time is spent."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from layerlab.data.catalog.corpus import DataSpec, find_corpus, load_corpus
from layerlab.data.pairs import Pair
from layerlab.data.sentences import Corpus, Sentence
from layerlab.data.survey import survey
from layerlab.errors import DataError

Write = Callable[[str, str], Path]


def sentences(*texts: str) -> list[Sentence]:
    return [Sentence(tuple(text.split())) for text in texts]


def pairs(*texts: str) -> list[Pair]:
    return [Pair(first, second, "1") for first, _, second in (text.partition("|") for text in texts)]


def read(root: Path, language: str = "aa") -> Corpus:
    return load_corpus(find_corpus(DataSpec(root=root), "ner", ("iob2",), language, "test"))


DISTINCT = [f"mira tola{i} ." for i in range(30)]


@pytest.mark.parametrize("sign", ["_", "***", "XXX", "<unk>", "[REDACTED]", "_____"])
def test_a_text_that_is_withheld_is_refused(sign: str) -> None:
    with pytest.raises(
        DataError, match=r"here: 9 of 9 words are signs such as .*withheld, mostly by its lic"
    ):
        survey(sentences(*[f"{sign} {sign} {sign}"] * 3), "here")


@pytest.mark.parametrize(
    ("items", "note"),
    [
        (sentences(*DISTINCT, "_ _ _"), "the text of 1 of 31 sentences is withheld: all their words are _"),
        (sentences(*["kva kva kva"] * 20), "60 of 60 words are 'kva': scores say little"),
        ([Sentence(("a", " ")), *sentences(*DISTINCT)], "1 of 92 words are white space"),
        (sentences(*DISTINCT, *["sova letí"] * 40), "39 of 70 sentences repeat another of the corpus"),
        ([Sentence((f"w{i}",), entities=("O",)) for i in range(3)], "no word of the 3 sentences is part of"),
        (
            [Sentence(("a", "b"), entities=("B-PER", "B-Per"))],
            "types of entities that differ by case alone are different types: PER, Per",
        ),
        (
            sentences(*(f"{code}:mira{i} {code}:tola" for i, code in enumerate(["de", "en"] * 10))),
            "40 of 40 words begin with a code and a colon",
        ),
        ([Sentence((f"w{i}",), upos=("X",)) for i in range(20)], "20 of 20 words have the tag 'X'"),
        (
            [Sentence((f"w{i}",), heads=(0,), relations=("_",)) for i in range(20)],
            "20 of 20 words have the relation '_'",
        ),
        (pairs(*(f"a{i}|b" for i in range(20))), "20 of 20 pairs have the label '1'"),
        (sentences(*(f"▁mira{i} ra" for i in range(20))), "20 of 40 words are marked as the pieces of a tok"),
        (pairs("NS|NS", "a|b", "c|ns"), r"2 of 3 pairs hold a placeholder for a sentence \(NS, ns\)"),
        (pairs("a|N/A", "a|b"), r"1 of 2 pairs hold a placeholder for a sentence \(N/A\)"),
        (pairs("a| ", "a|b"), "1 of 2 pairs lack a sentence; they are kept"),
        (pairs("b'a'|b'b'", 'b"c"|b\'d\''), "the sentences of 2 of 2 pairs are written as Python's bytes"),
        (pairs(*["a|b"] * 20), "19 of 20 pairs repeat another of the corpus"),
    ],
)  # fmt: skip
def test_what_makes_numbers_mean_less_is_told(items: list[object], note: str) -> None:
    notes = survey(items, "here")
    assert any(re.match(note, one) for one in notes), notes


def test_nothing_is_told_of_a_corpus_as_corpora_are() -> None:
    tagged = [Sentence(("Mira", f"tola{i}"), entities=("B-PER", "O")) for i in range(30)]
    assert survey(tagged, "here") == ()
    assert survey(sentences(*DISTINCT), "here") == ()
    labelled = [Pair(f"mira {i}", f"tola {i}", str(i % 2)) for i in range(30)]
    assert survey(labelled, "here") == ()
    assert survey(sentences("* * *", *DISTINCT), "here") == (), "a line of stars parts the chapters of a book"


@pytest.mark.parametrize("numbered", [True, False])
def test_the_code_of_the_language_is_taken_off_every_word(
    write: Write, tmp_path: Path, numbered: bool
) -> None:
    lines = [
        (f"{1 + i % 2}\t" if numbered else "") + f"sl:{word}\t{tag}" + ("\n" if i % 2 else "")
        for i, (word, tag) in enumerate([("Ana", "B-PER"), ("spi", "O"), ("Ivo", "B-PER"), (":", "O")])
    ]
    prefixed = write("aa/test.iob2", "\n".join(lines))
    write("bb/test.iob2", prefixed.read_text(encoding="utf-8").replace("sl:", ""))
    corpus, plain = read(tmp_path), read(tmp_path, "bb")
    assert corpus.sentences == plain.sentences
    assert corpus.notes == ("'sl:' is taken off 4 of 4 words, which begin with it",)
    assert plain.notes == ()


def test_a_corpus_that_was_read_with_its_prefixes_has_another_digest_now(
    write: Write, tmp_path: Path
) -> None:
    path = write("aa/test.iob2", "sl:Ana\tB-PER\nsl:spi\tO\n")
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    before = hashlib.sha256(json.dumps([1, content, [], "rare", None]).encode()).hexdigest()[:16]
    assert read(tmp_path).digest != before
    write("aa/test.iob2", "Ana\tB-PER\nspi\tO\n")
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    same = hashlib.sha256(json.dumps([1, content, [], "rare", None]).encode()).hexdigest()[:16]
    assert read(tmp_path).digest == same


def test_words_with_colons_and_a_word_that_is_the_prefix_alone_stay(write: Write, tmp_path: Path) -> None:
    write("aa/test.iob2", "de:Ana\tB-PER\nde:\tO\nde:da\tO\n" + "de:x\tO\n" * 9)
    write("bb/test.iob2", "http:a\tO\nAna\tO\nb:c\tO\n")
    assert read(tmp_path).sentences[0].words[:3] == ("Ana", "de:", "da")
    assert read(tmp_path, "bb").sentences[0].words == ("http:a", "Ana", "b:c")
