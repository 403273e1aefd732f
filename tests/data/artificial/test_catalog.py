"""A study's data may be of a language that is made of another one, with all its annotations."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.data.artificial.corpora import artificial_sentence
from layerlab.data.artificial.ways import make_artificial
from layerlab.data.catalog.corpus import DataSpec, find_corpus, load_corpus
from layerlab.errors import DataError

FORMATS = ("conllu", "iob2")


def test_its_corpora_are_those_of_the_other_language_made_artificial(treebanks: Path) -> None:
    made = {"fake": {"of": "aa", "ways": ["inverted", "fake"], "seed": 3}}
    spec = DataSpec.model_validate({"root": str(treebanks), "artificial": made, "limit": {"test": 5}})
    own, other = (find_corpus(spec, "upos", FORMATS, language, "test") for language in ("fake", "aa"))
    assert (own.language, own.spoken, other.spoken) == ("fake", "aa", "aa")
    assert own.digest != other.digest
    said = load_corpus(other).sentences
    expected = tuple(artificial_sentence(one, ["inverted", "fake"], 3) for one in said)
    assert load_corpus(own).sentences == expected
    digests = {own.digest, other.digest}
    for change in ({"seed": 4}, {"ways": ["fake", "inverted"]}):
        changed = {"fake": made["fake"] | change}
        again = spec.model_validate(spec.model_dump(mode="json") | {"artificial": changed})
        digests.add(find_corpus(again, "upos", FORMATS, "fake", "test").digest)
    assert len(digests) == 4


def test_controlled_languages_and_their_inference_pairs_can_be_made_artificial() -> None:
    made = {
        "other": {"of": "avin:talk", "ways": "transliterated"},
        "pairs": {"of": "avin", "ways": "fake"},
    }
    spec = DataSpec.model_validate({"controlled": {"test": 6}, "artificial": made})
    own, other = (
        load_corpus(find_corpus(spec, "upos", FORMATS, language, "test")).sentences
        for language in ("other", "avin:talk")
    )
    assert [one.text for one in own] == [make_artificial(one.text, ["transliterated"]) for one in other]
    pairs, real = (
        load_corpus(find_corpus(spec, "nli", ("tsv",), language, "test")).sentences
        for language in ("pairs", "avin")
    )
    assert [one.label for one in pairs] == [one.label for one in real]
    assert [one.first for one in pairs] == [make_artificial(one.first, ["fake"]) for one in real]


def test_what_cannot_be_made_is_refused(treebanks: Path) -> None:
    twice = {"a": {"of": "b", "ways": "fake"}, "b": {"of": "aa", "ways": "fake"}}
    with pytest.raises(ValueError, match="a is made of b, which is made itself; compose its ways"):
        DataSpec.model_validate({"artificial": twice})
    of_none = {"a": {"of": "zz", "ways": "fake"}}
    gone = DataSpec.model_validate({"root": str(treebanks), "artificial": of_none})
    with pytest.raises(DataError, match="'zz'"):
        find_corpus(gone, "upos", FORMATS, "a", "test")
