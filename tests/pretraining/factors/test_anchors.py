from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from layerlab.errors import DataError, StudyError
from layerlab.pretraining.factors.anchors import ANCHORED, Anchors, learn_lexicon, switch, switch_all
from layerlab.pretraining.factors.parallel import Parallel
from layerlab.pretraining.material import prepare
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
        ("anchors: {share: 1.5}", "less than 1"),
        (
            "parallel: {corpora: {xa: a.tsv, xb: b.tsv}, share: 0.6}\nanchors: {share: 0.5}",
            "together 1 or more",
        ),
    ],
)
def test_anchors_that_cannot_be_are_refused(tmp_path: Path, lines: str, message: str) -> None:
    text = "name: a\nsteps: 1\narchitecture: {model_type: bert}\ncorpora: {xa: a.txt}\n"
    (tmp_path / "spec.yaml").write_text(text + lines, encoding="utf-8")
    with pytest.raises(StudyError, match=message):
        read_spec(tmp_path / "spec.yaml")
