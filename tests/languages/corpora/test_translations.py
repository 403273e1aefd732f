"""Words of translations are linked where they have one concept."""

from __future__ import annotations

import pytest

from layerlab.errors import DataError
from layerlab.languages.corpora.dictionary import bilingual_dictionary
from layerlab.languages.corpora.generate import generate
from layerlab.languages.corpora.translations import translations


def test_sentences_are_those_of_the_seed_and_links_join_equal_concepts() -> None:
    said = translations("avin", "dako", 40, "links")
    assert said.bitext.sources == tuple(generate("avin", 40, "links"))
    assert said.bitext.targets == tuple(generate("dako", 40, "links"))
    entries = {(entry.concept, entry.source): entry.target for entry in bilingual_dictionary("avin", "dako")}
    stems = 0
    for here, there, links, concepts in zip(
        said.bitext.sources, said.bitext.targets, said.links, said.concepts, strict=True
    ):
        assert not isinstance(here, str)
        assert not isinstance(there, str)
        for first, second in links:
            assert concepts[first]
            known = entries.get((concepts[first], here.words[first]))
            stems += known == there.words[second]
            assert here.upos[first] == there.upos[second]
    assert stems > 30


def test_each_word_is_linked_once_at_most() -> None:
    for links in translations("avin", "gori", 30).links:
        assert len({here for here, _ in links}) == len({there for _, there in links}) == len(links)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(DataError, match="unknown controlled language 'nowhere'"):
        translations("avin", "nowhere", 1)
