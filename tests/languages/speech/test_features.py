from __future__ import annotations

import functools
from collections import defaultdict
from itertools import chain, islice

import pytest

from layerlab.languages.corpora.generate import generate_said
from layerlab.languages.family import default_family, known_languages
from layerlab.languages.speech.realisation import Said


@functools.cache
def all_said(name: str) -> list[Said]:
    return list(islice(chain.from_iterable(generate_said(name, "features")), 800))


def seen(name: str) -> dict[str, dict[str, set[str]]]:
    """Give the values of each feature of each class."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for said in all_said(name):
        for upos, features in zip(said.sentence.upos, said.features, strict=True):
            for feature in features.split("|") if features != "_" else ():
                key, value = feature.split("=")
                found[upos][key].add(value)
    return found


@pytest.mark.parametrize("name", known_languages())
def test_languages_have_the_features_that_their_description_gives_them(name: str) -> None:
    language, found = default_family().languages[name], seen(name)
    cases = {"none": set(), "core": {"Nom", "Acc", "Gen", "Dat"}}
    expected = cases.get(language.case, {"Nom", "Acc", "Gen", "Dat", "Loc", "Abl", "Ins"})
    assert found["NOUN"]["Case"] == expected
    assert found["NOUN"]["Number"] == ({"Sing", "Plur"} if language.number == "affix" else set())
    assert found["VERB"]["Tense"] == ({"Past", "Pres", "Fut"} if language.tense == "affix" else set())
    assert bool(found["VERB"]["Person"]) == ("verb" in language.agreement)
    agrees = "adjective" in language.agreement
    assert len(found["ADJ"]["Gender"]) == (language.genders if agrees and language.genders > 1 else 0)
    assert found["VERB"]["Polarity"] == ({"Neg"} if language.negation == "affix" else set())
    assert found["NOUN"]["Definite"] == ({"Def", "Ind"} if language.articles == "suffix" else set())


@pytest.mark.parametrize("name", ["avin", "belo", "ciro", "eshe", "fenu", "gori"])
def test_adjectives_agree_with_their_nouns_and_verbs_with_their_subjects(name: str) -> None:
    language, checked = default_family().languages[name], 0
    for said in all_said(name):
        features = [dict(f.split("=") for f in one.split("|")) if one != "_" else {} for one in said.features]
        sentence = said.sentence
        for place, (head, relation) in enumerate(zip(sentence.heads, sentence.relations, strict=True)):
            ours, above = features[place], features[head - 1]
            if relation == "amod" and "adjective" in language.agreement:
                assert {key: above.get(key) for key in ours} == ours
                checked += 1
            coordinated = any(
                h == place + 1 and r == "conj"
                for h, r in zip(sentence.heads, sentence.relations, strict=True)
            )
            if (
                relation == "nsubj"
                and "Person" in above
                and sentence.upos[place] == "NOUN"
                and not coordinated
            ):
                assert (above["Person"], above["Number"]) == ("3", ours["Number"])
                checked += 1
    assert checked > 50 or not language.agreement


@pytest.mark.parametrize("name", known_languages())
def test_one_lemma_and_one_bundle_of_features_have_one_form(name: str) -> None:
    forms: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for said in all_said(name):
        for concept, lemma, features, form in zip(
            said.concepts, said.lemmas, said.features, said.sentence.words, strict=True
        ):
            if concept and not concept.startswith(("VERB", "AUX")):
                forms[concept, lemma, features].add(form)
    assert {key: found for key, found in forms.items() if len(found) > 1} == {}


def test_a_lemma_is_the_bare_stem() -> None:
    stems: dict[str, set[str]] = defaultdict(set)
    for said in all_said("eshe"):
        assert isinstance(said, Said)
        for concept, lemma, form in zip(said.concepts, said.lemmas, said.sentence.words, strict=True):
            if concept.startswith("NOUN"):
                stems[concept].add(lemma)
                assert form.startswith(lemma)
    assert all(len(found) == 1 for found in stems.values())
