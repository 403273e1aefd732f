"""Thousands of sentences of every language and domain against the rules of Universal Dependencies."""

from __future__ import annotations

from itertools import chain, islice

import pytest

from layerlab.languages.corpora.formats import to_conllu
from layerlab.languages.corpora.generate import generate_said
from layerlab.languages.corpora.nli import generate_pairs
from layerlab.languages.family import SHIPPED, known_languages, parse_family, shipped_family
from layerlab.languages.world.registers import DOMAINS, Domain
from tests.fixtures.ud_validity import is_projective, violations

VALID = """# sent_id = a
# text = the dogs ran, and slept.
1 the the DET _ Definite=Def|PronType=Art 2 det _ _
2 dogs dog NOUN _ Number=Plur 3 nsubj _ _
3 ran run VERB _ Tense=Past|VerbForm=Fin 0 root _ SpaceAfter=No
4 , , PUNCT _ _ 6 punct _ _
5 and and CCONJ _ _ 6 cc _ _
6 slept sleep VERB _ _ 3 conj _ SpaceAfter=No
7 . . PUNCT _ _ 3 punct _ _
"""
# What is put in place of what, and the complaint that must come.
MISTAKES = [
    ("1 the", "2 the", "ids are not contiguous"),
    ("1 the the", "1 the _x _", "not ten columns"),
    ("VERB _ Tense=Past|VerbForm=Fin 0 root", "VERB _ Tense=Past|VerbForm=Fin 2 nsubj", "0 roots"),
    ("VERB _ _ 3 conj", "VERB _ _ 0 root", "2 roots"),
    ("0 root", "0 dep", "head 0 with relation dep"),
    ("3 nsubj", "1 nsubj", "in a cycle"),
    ("3 nsubj", "9 nsubj", "no such head 9"),
    ("3 nsubj", "3 subj", "unknown relation subj"),
    ("NOUN", "NN", "unknown class NN"),
    ("2 det", "2 amod", "DET is amod"),
    ("the the DET", "the the ADJ", "det is ADJ"),
    ("2 det", "3 det", "det under VERB"),
    ("6 cc", "3 cc", "cc that does not precede its conjunct"),
    ("the the DET _ Definite=Def|PronType=Art 2 det", "the the ADP _ _ 3 case", "case under VERB"),
    ("and and CCONJ _ _ 6 cc", "and and CCONJ _ _ 6 mark", "CCONJ is mark"),
    ("and and CCONJ _ _ 6 cc", "and and AUX _ _ 6 advcl", "AUX is advcl"),
    ("Definite=Def|PronType=Art", "PronType=Art|Definite=Def", "not sorted"),
    ("Number=Plur", "Number=Many", "unknown feature Number=Many"),
    ("dog NOUN _ Number=Plur", "dog NOUN _ VerbForm=Fin", "NOUN with VerbForm"),
    (", , PUNCT", ". a PUNCT", "text is not the words"),
    ("VERB _ _ 3 conj", "VERB _ _ 7 conj", "punct has the dependent conj"),
    (", , PUNCT _ _ 6 punct", ", , PUNCT _ _ 2 punct", "punct is not projective"),
    ("VERB _ _ 3 conj", "VERB _ _ 3 nsubj", "2 subjects"),
    ("sent_id = a", "sent_id = a b", "sent_id is missing, has a space"),
]


def conllu(text: str) -> str:
    lines = (line if line.startswith("#") else line.replace(" ", "\t") for line in text.splitlines())
    return "\n".join(lines) + "\n\n"


def written(name: str, n_sentences: int, domain: Domain | None = None) -> str:
    said = chain.from_iterable(generate_said(name, "validity", domain=domain))
    return "".join(to_conllu(islice(said, n_sentences)))


@pytest.mark.parametrize("name", known_languages())
def test_thousands_of_sentences_break_no_rule(name: str) -> None:
    text = written(name, 2500)
    assert text.count("# sent_id") == 2500
    assert list(violations(text)) == []
    assert is_projective(text)


@pytest.mark.parametrize("family", SHIPPED)
def test_every_family_that_ships_breaks_no_rule(family: str) -> None:
    spoken = shipped_family(family)
    for name in spoken.languages:
        said = chain.from_iterable(generate_said(name, 1, family=spoken))
        assert list(violations("".join(to_conllu(islice(said, 250))))) == []


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("name", ["belo", "dako", "gori"])
def test_domains_break_no_rule(name: str, domain: str) -> None:
    assert list(violations(written(name, 400, DOMAINS[domain]))) == []


@pytest.mark.parametrize("name", ["ciro", "eshe", "fenu", "huan"])
def test_inference_pairs_break_no_rule(name: str) -> None:
    pairs = list(generate_pairs(name, 300))
    sentences = [said for pair in pairs for said in (pair.premise, pair.hypothesis)]
    assert list(violations("".join(to_conllu(sentences)))) == []


@pytest.mark.parametrize(
    "described",
    [
        "{order: VSO, relatives: before, adpositions: after, articles: both, genders: 3, prodrop: true}",
        "{order: free, case: rich, affixes: prefix, morphology: fusional, agreement: [verb, adjective]}",
        "{order: SOV, number: none, tense: none, copula: false, negation: affix, questions: first}",
        "{complementizers: after, determiners: after, auxiliaries: after, negation: after, script: han}",
    ],
)
def test_other_typologies_break_no_rule(described: str) -> None:
    family = parse_family(f"languages: {{mira: {described}}}")
    said = chain.from_iterable(generate_said("mira", 3, family=family))
    lines = to_conllu(islice(said, 400))
    assert list(violations("".join(lines))) == []


def test_the_check_accepts_a_valid_tree() -> None:
    assert list(violations(conllu(VALID))) == []


@pytest.mark.parametrize(("right", "wrong", "complaint"), MISTAKES)
def test_the_check_finds_a_mistake(right: str, wrong: str, complaint: str) -> None:
    assert right in VALID
    found = list(violations(conllu(VALID.replace(right, wrong, 1))))
    assert any(complaint in line for line in found), found


def test_the_check_finds_a_name_given_twice() -> None:
    assert "occurs twice" in next(iter(violations(conllu(VALID) * 2)))
