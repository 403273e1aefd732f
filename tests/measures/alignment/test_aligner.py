"""The aligner finds the links of controlled languages, which are known."""

from __future__ import annotations

import pytest

from layerlab.errors import DataError
from layerlab.languages.corpora.translations import translations
from layerlab.languages.family import find_family
from layerlab.measures.alignment.aligner import align_words
from layerlab.measures.alignment.material import Material


@pytest.mark.parametrize("target", ["jora", "mavu"])
def test_nearly_all_links_that_it_finds_are_right(target: str) -> None:
    said = translations("ilda", target, 300, "links", family=find_family("instrument"))
    here, there = Material(said.bitext).worded
    found = align_words([one.words for one in here], [one.words for one in there])
    right = wrong = 0
    for own, gold in zip(found, said.links, strict=True):
        places = dict(own)
        right += sum(places.get(here) == there for here, there in gold)
        wrong += sum(here in places and places[here] != there for here, there in gold)
    assert right / (right + wrong) > 0.95
    assert right / sum(map(len, said.links)) > 0.8


def test_each_word_has_one_link_at_most() -> None:
    found = align_words([["a", "b", "a"], ["b"]], [["x", "y"], ["y"]])
    for links in found:
        assert len({here for here, _ in links}) == len({there for _, there in links}) == len(links)


def test_sentences_without_translation_are_refused() -> None:
    with pytest.raises(DataError, match="2 sentences have 1 translations"):
        align_words([["a"], ["b"]], [["x"]])
