from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from layerlab.errors import DataError, StudyError
from layerlab.pretraining.factors.anchors import ANCHORED, Anchors, learn_lexicon
from layerlab.pretraining.factors.dictionaries import given_lexicon
from layerlab.pretraining.factors.parallel import Parallel
from layerlab.pretraining.factors.switching import Budget, switch, switch_all
from layerlab.pretraining.identity import identity_of_pretraining
from layerlab.pretraining.material import prepare, running_text
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import PretrainingSpec, read_spec
from tests.fixtures.pretrainings import invented_text

ONE = {"king": (("roi", 1.0),), "house": (("maison", 0.75), ("logis", 0.25))}


@pytest.fixture
def with_anchors(spec: PretrainingSpec, tmp_path: Path) -> PretrainingSpec:
    """Two languages whose verses are word for word the same but for an ending."""
    verses = invented_text("xa", 80)
    corpora = {language: tmp_path / f"verses-{language}.tsv" for language in ("xa", "xb")}
    for language, file in corpora.items():
        lines = [
            " ".join(word if language == "xa" else word[::-1] for word in text.split()) for text in verses
        ]
        rows = (f"V.{n}\t{line}\n" for n, line in enumerate(lines))
        file.write_text("".join(rows), encoding="utf-8")
    return spec.model_copy(update={"anchors": Anchors(corpora=corpora, share=0.5, rate=0.5)})


def test_about_the_given_fraction_of_the_known_words_is_exchanged() -> None:
    text = "king of house " * 2000
    words = switch(text, ONE, 0.3, random.Random(0).random).split()
    assert words.count("of") == 2000
    assert words.count("roi") == pytest.approx(600, abs=60)
    assert words.count("maison") == pytest.approx(450, abs=60)
    assert words.count("logis") == pytest.approx(150, abs=40)
    assert words.count("king") + words.count("roi") == 2000


def test_all_but_the_exchanged_words_stays_as_it_was() -> None:
    text = "“King!” (the house), 12 kings."
    assert switch(text, ONE, 1.0, lambda: 0.0) == "“Roi!” (the maison), 12 kings."
    assert switch(text, {}, 1.0, lambda: 0.0) == text


def test_a_word_put_between_ideographs_does_not_run_into_another() -> None:
    assert (
        switch("王家说", {"王": (("king", 1.0),), "家": (("house", 1.0),)}, 1.0, lambda: 0.0)
        == "king house 说"
    )


def test_each_paragraph_has_words_of_one_other_language() -> None:
    lexicon = {
        ("en", "fr"): {"king": (("roi", 1.0),), "house": (("maison", 1.0),)},
        ("en", "de"): {"king": (("könig", 1.0),), "house": (("haus", 1.0),)},
    }
    rows = list(switch_all(["king house"] * 50, "en", lexicon, 1.0, seed=0))
    assert set(rows) == {"roi maison", "könig haus"}
    assert rows == list(switch_all(["king house"] * 50, "en", lexicon, 1.0, seed=0))


def test_a_lexicon_that_cannot_be_learnt_is_an_error() -> None:
    with pytest.raises(DataError, match="no words of en, fr occur together often enough"):
        learn_lexicon({"en": {"1": "a"}, "fr": {"2": "b"}})


def test_switched_text_takes_its_share_of_the_steps_and_the_card_says_so(
    with_anchors: PretrainingSpec, tmp_path: Path
) -> None:
    folder = pretrain(with_anchors, tmp_path / "out", threads=1)
    card = " ".join((folder / "README.md").read_text(encoding="utf-8").split())
    assert "50% are running text in which 50% of the words are in another language" in card
    assert "taught, not only found" in card
    assert "| anchored |" in card


def test_the_switched_stream_mixes_words_of_both_languages(
    with_anchors: PretrainingSpec, tmp_path: Path
) -> None:
    material = prepare(with_anchors, tmp_path / "out")
    stream = np.load(tmp_path / "out" / "state" / f"{ANCHORED}.npy")
    text = material.tokenizer.decode(stream.tolist())
    words = {word for line in invented_text("xa", 80) for word in line.split() if word.isalpha()}
    backwards = {word[::-1] for word in words} - words
    assert words & set(text.split())
    assert backwards & set(text.split())


def test_anchors_are_learnt_from_the_parallel_text_by_default(
    with_anchors: PretrainingSpec,
) -> None:
    assert with_anchors.anchors is not None
    parallel = Parallel(corpora=with_anchors.anchors.corpora, share=0.2)
    update = {"parallel": parallel, "anchors": Anchors(share=0.2)}
    both = with_anchors.model_copy(update=update)
    assert both.anchors is not None
    assert both.anchors.files(both.surroundings()) == parallel.corpora


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("anchors: {share: 0.5}", "two languages at least"),
        ("anchors: {share: 1.5}", "share: expected at most 1, got 1.5"),
        (
            "parallel: {corpora: {xa: a.tsv, xb: b.tsv}, share: 0.6}\nanchors: {share: 0.5}",
            "together 1 or more",
        ),
        ("anchors: {dictionaries: {xa: {xz: d.txt}}}", "dictionaries: unknown language 'xz'"),
        ("anchors: {dictionaries: controlled, corpora: {xa: a.tsv}}", "keep dictionaries or corpora"),
    ],
)
def test_anchors_that_cannot_be_are_refused(tmp_path: Path, lines: str, message: str) -> None:
    text = "name: a\nsteps: 1\narchitecture: {model_type: bert}\ncorpora: {xa: a.txt}\n"
    (tmp_path / "spec.yaml").write_text(text + lines, encoding="utf-8")
    with pytest.raises(StudyError, match=message):
        read_spec(tmp_path / "spec.yaml")


def test_no_more_than_the_limit_of_the_words_so_far_is_exchanged() -> None:
    """Wu et al. exchange 30% of the words that a dictionary has, and at most 15% of a batch."""
    lexicon = {("en", "fr"): ONE}
    rows = list(switch_all(["king house king of"] * 200, "en", lexicon, 0.3, seed=0, most=0.15))
    n_words = n_exchanged = 0
    for row in rows:
        n_words += 4
        n_exchanged += sum(word not in ("king", "house", "of") for word in row.split())
        assert n_exchanged <= 0.15 * n_words
    assert n_exchanged == pytest.approx(0.15 * n_words, rel=0.05)
    assert Budget(0.5).take() is False


def test_a_dictionary_of_muse_goes_both_ways(tmp_path: Path) -> None:
    file = tmp_path / "en-fr.txt"
    file.write_text("King roi\nhouse maison\n\nhouse logis\nking\troi\tNOUN\n", encoding="utf-8")
    lexicon = given_lexicon({"en": {"fr": file}})
    assert lexicon["en", "fr"] == {
        "king": (("roi", 1.0),),
        "house": (("maison", 0.5), ("logis", 0.5)),
    }
    assert lexicon["fr", "en"]["logis"] == (("house", 1.0),)
    file.write_text("king roi\nhouse\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"en-fr.txt:2: expected a word and its translation, got 'house'"):
        given_lexicon({"en": {"fr": file}})


def controlled(spec: PretrainingSpec, **anchors: Any) -> PretrainingSpec:
    texts = {name: {"controlled": name, "sentences": 300} for name in ("avin", "belo")}
    plain = spec.model_dump(mode="json") | {"corpora": texts, "anchors": anchors, "vocab_size": 300}
    return PretrainingSpec.model_validate(plain)


def test_the_running_text_itself_is_switched_with_all_of_it(spec: PretrainingSpec) -> None:
    asked = {"dictionaries": "controlled", "share": 1, "most": 0.15}
    switched, plain = controlled(spec, **asked), controlled(spec, **asked, rate=1e-9)
    texts, before = running_text(switched), running_text(plain)
    assert switched.fixed_shares() == {}
    words = {language: set(" ".join(lines).split()) for language, lines in before.items()}
    other = {"avin": "belo", "belo": "avin"}
    for language, lines in texts.items():
        assert len(lines) == len(before[language])
        found = set(" ".join(lines).split()) - words[language]
        assert len(found & words[other[language]]) > 10
    ids = {identity["anchors"]["share"] for identity in map(identity_of_pretraining, (switched, plain))}
    assert ids == {1.0}


def test_a_given_dictionary_is_known_by_what_is_in_it(spec: PretrainingSpec, tmp_path: Path) -> None:
    identities = []
    for name, line in (("a.txt", "lomir шалук"), ("b.txt", "lomir шалук"), ("c.txt", "lomir денор")):
        (tmp_path / name).write_text(line, encoding="utf-8")
        anchors = {"dictionaries": {"xa": {"xb": str(tmp_path / name)}}}
        plain = spec.model_dump(mode="json") | {"anchors": anchors}
        identities.append(identity_of_pretraining(PretrainingSpec.model_validate(plain)))
    assert identities[0] == identities[1] != identities[2]
