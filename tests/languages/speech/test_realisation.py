"""The trees of all languages against the rules of Universal Dependencies, without the generator's code."""

from __future__ import annotations

import functools
from collections import Counter
from itertools import islice

import pytest

from layerlab.data.sentences import Sentence
from layerlab.languages.corpora.generate import generate_said
from layerlab.languages.family import default_family, known_languages
from layerlab.languages.speech.realisation import Said

# https://universaldependencies.org/u/dep and the levels 2 and 3 of UD's validator.
UPOS_OF = {
    "det": {"DET", "PRON"},
    "case": {"ADP"},
    "aux": {"AUX"},
    "cop": {"AUX", "PRON", "DET"},
    "punct": {"PUNCT"},
    "cc": {"CCONJ"},
    "mark": {"SCONJ", "PART", "ADP"},
    "nummod": {"NUM"},
    "amod": {"ADJ", "VERB"},
    "advmod": {"ADV", "PART"},
    "flat": {"PROPN"},
    "nmod:poss": {"PRON", "NOUN", "PROPN"},
    "discourse": {"INTJ", "PART"},
    "nsubj": {"NOUN", "PROPN", "PRON"},
    "obj": {"NOUN", "PROPN", "PRON"},
    "obl": {"NOUN", "PROPN", "PRON"},
    "nmod": {"NOUN", "PROPN", "PRON"},
    "acl:relcl": {"VERB", "ADJ", "NOUN"},
    "advcl": {"VERB", "ADJ", "NOUN"},
    "ccomp": {"VERB", "ADJ", "NOUN"},
    "xcomp": {"VERB", "ADJ", "NOUN"},
    "conj": {"VERB", "ADJ", "NOUN", "PROPN", "PRON"},
    "root": {"VERB", "ADJ", "NOUN"},
}
LEAVES = {"det", "case", "aux", "cop", "punct", "cc", "mark", "nummod"}
ONLY = {"PUNCT": "punct", "DET": "det", "CCONJ": "cc", "ADP": "case", "SCONJ": "mark"}
NOMINAL_PARENT = {"det", "amod", "nummod", "nmod", "nmod:poss", "case", "acl:relcl"}


@functools.cache
def all_said(name: str) -> list[Said]:
    return [said for document in islice(generate_said(name, "check"), 150) for said in document]


def violations(sentence: Sentence) -> list[str]:
    """Say which rules of Universal Dependencies a tree breaks."""
    n, heads, relations, tags = len(sentence.words), sentence.heads, sentence.relations, sentence.upos
    found = []
    roots = [i for i in range(n) if heads[i] == 0]
    if len(roots) != 1 or [i for i in range(n) if relations[i] == "root"] != roots:
        found.append("not one root")
    for i in range(n):
        if not 0 <= heads[i] <= n or heads[i] == i + 1:
            return [*found, "a head out of range"]
        above, steps = i + 1, 0
        while above and steps <= n:
            above, steps = heads[above - 1], steps + 1
        if above:
            return [*found, "a cycle"]
    children: dict[int, list[int]] = {i: [j for j in range(n) if heads[j] == i + 1] for i in range(n)}
    for i in range(n):
        relation, parent = relations[i], heads[i] - 1
        if tags[i] not in UPOS_OF[relation]:
            found.append(f"{relation} is {tags[i]}")
        if tags[i] in ONLY and relation != ONLY[tags[i]]:
            found.append(f"{tags[i]} is {relation}")
        if relation in LEAVES and children[i]:
            found.append(f"{relation} has dependents")
        if relation in {"conj", "flat"} and heads[i] > i + 1:
            found.append(f"{relation} goes to the left")
        if relation in NOMINAL_PARENT and tags[parent] not in {"NOUN", "PROPN", "PRON"}:
            found.append(f"{relation} under {tags[parent]}")
        if relation == "cc" and relations[parent] != "conj":
            found.append("cc without conj")
        if relation == "xcomp" and any(relations[j] == "nsubj" for j in children[i]):
            found.append("xcomp with a subject")
        for core in ("nsubj", "obj", "cop"):
            if sum(relations[j] == core for j in children[i]) > 1:
                found.append(f"two {core}")
        for j in range(min(i, parent) + 1, max(i, parent)) if parent >= 0 else ():
            above = j
            while above >= 0 and above != parent:
                above = heads[above] - 1
            if above != parent:
                found.append(f"{relation} is not projective")
    return found


def skeleton(said: Said) -> Counter[tuple[str, str, str]]:
    """Give the content words with their relations to content words: what a translation must keep."""
    sentence = said.sentence
    kept = {
        i
        for i, concept in enumerate(said.concepts)
        if concept.split(":")[0] in {"NOUN", "VERB", "ADJ", "ADV", "NAME", "NUM", "CCONJ", "INTJ"}
        or concept.isdigit()
    }
    return Counter(
        (
            said.concepts[i],
            sentence.relations[i],
            said.concepts[sentence.heads[i] - 1] if sentence.heads[i] else "",
        )
        for i in kept
    )


@pytest.mark.parametrize("name", known_languages())
def test_trees_keep_the_rules_of_universal_dependencies(name: str) -> None:
    broken = {rule: said.sentence.words for said in all_said(name) for rule in violations(said.sentence)}
    assert not broken


def test_the_check_itself_finds_broken_trees() -> None:
    words, tags = ("a", "b", "c"), ("DET", "NOUN", "VERB")
    assert not violations(Sentence(words, tags, (2, 3, 0), ("det", "nsubj", "root")))
    assert "a cycle" in violations(Sentence(words, tags, (2, 1, 0), ("det", "nsubj", "root")))
    assert "not one root" in violations(Sentence(words, tags, (2, 0, 0), ("det", "root", "root")))
    assert "det under VERB" in violations(Sentence(words, tags, (3, 3, 0), ("det", "nsubj", "root")))
    crossing = Sentence(
        ("a", "b", "c", "d"), ("NOUN", "NOUN", "VERB", "DET"), (3, 3, 0, 1), ("obj", "obl", "root", "det")
    )
    assert "det is not projective" in violations(crossing)


@pytest.mark.parametrize("name", known_languages())
def test_entities_are_iob2_and_lie_on_names_and_what_belongs_to_them(name: str) -> None:
    kinds = set()
    for said in all_said(name):
        tags, tokens = said.sentence.entities, said.sentence.upos
        for before, tag, upos in zip(("O", *tags), tags, tokens, strict=False):
            kinds.add(tag)
            if tag.startswith("I-"):
                assert before[2:] == tag[2:]
            if upos == "PROPN":
                assert tag != "O"
    assert kinds == {"O"} | {f"{place}-{kind}" for place in "BI" for kind in ("PER", "ORG")} | {"B-LOC"}


@pytest.mark.parametrize("name", known_languages())
def test_translations_mean_the_same(name: str) -> None:
    for ours, theirs in zip(all_said(known_languages()[0]), all_said(name), strict=True):
        assert ours.sentence.sent_id == theirs.sentence.sent_id
        assert skeleton(ours) == skeleton(theirs)
        ours_spans, theirs_spans = (
            Counter(tag for tag in said.sentence.entities if tag.startswith("B-")) for said in (ours, theirs)
        )
        assert ours_spans == theirs_spans


@pytest.mark.parametrize(
    ("name", "expected"),
    [("avin", "SVO"), ("belo", "SVO"), ("eshe", "SOV"), ("fenu", "VSO"), ("gori", "SOV")],
)
def test_word_order_is_that_of_the_description(name: str, expected: str) -> None:
    assert _orders(name).keys() == {expected}
    assert default_family().languages[name].order == expected


def test_free_order_is_free() -> None:
    assert set(_orders("dako")) == {"SVO", "SOV", "OVS", "VSO"}


@pytest.mark.parametrize(
    ("name", "before"), [("avin", True), ("belo", False), ("fenu", False), ("gori", True)]
)
def test_adjectives_stand_on_the_side_of_the_description(name: str, before: bool) -> None:
    sides = {
        head > place
        for said in all_said(name)
        for place, (head, relation) in enumerate(
            zip(said.sentence.heads, said.sentence.relations, strict=True), start=1
        )
        if relation == "amod"
    }
    assert sides == {before}


def test_adpositions_articles_and_pronouns_differ() -> None:
    counts = {
        name: Counter(c for said in all_said(name) for c in said.concepts) for name in known_languages()
    }
    assert counts["avin"]["DET:the"]
    assert counts["avin"]["DET:a"]
    assert counts["dako"]["DET:the"]
    assert not counts["dako"]["DET:a"]
    assert not counts["ciro"]["DET:the"]
    assert not counts["eshe"]["DET:the"]
    assert counts["eshe"]["ADP:in"] == 0 < counts["gori"]["ADP:in"]
    assert counts["belo"]["PRON:I"] < counts["avin"]["PRON:I"]
    assert counts["gori"]["AUX:past"] > 0 == counts["avin"]["AUX:past"]


def _orders(name: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for said in all_said(name):
        sentence = said.sentence
        for verb, upos in enumerate(sentence.upos, start=1):
            places = {
                relation: place
                for place, (head, relation) in enumerate(
                    zip(sentence.heads, sentence.relations, strict=True), start=1
                )
                if head == verb and relation in {"nsubj", "obj"}
            }
            relative = sentence.relations[verb - 1] == "acl:relcl"
            if upos == "VERB" and len(places) == 2 and not relative:
                order = sorted([(places["nsubj"], "S"), (places["obj"], "O"), (verb, "V")])
                found["".join(letter for _, letter in order)] += 1
    return found
