from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict

import pytest

from layerlab.errors import DataError
from layerlab.languages.corpora.generate import generate, generate_said
from layerlab.languages.family import known_languages, parse_family


def test_one_seed_gives_the_same_sentences() -> None:
    assert list(generate("dako", 50, 7)) == list(generate("dako", 50, 7))
    assert list(generate("dako", 50, 7)) != list(generate("dako", 50, 8))


def test_a_shorter_call_gives_the_beginning_of_a_longer_one() -> None:
    assert list(generate("gori", 60, 1))[:25] == list(generate("gori", 25, 1))


def test_equal_seeds_give_translations_and_unequal_ones_do_not() -> None:
    ids = [[s.sent_id for s in generate(name, 30, "x")] for name in ("avin", "huan")]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 30
    assert not {s.sent_id for s in generate("avin", 30, "y")} & set(ids[0])


def test_sent_ids_name_document_and_sentence() -> None:
    documents = generate_said("avin", 5)
    next(documents)
    assert [said.sentence.sent_id for said in next(documents)][:2] == ["5-1-0", "5-1-1"]


def test_an_unknown_language_is_told() -> None:
    with pytest.raises(DataError, match="unknown controlled language 'beloo'; did you mean 'belo'"):
        generate("beloo", 1)


def test_a_family_of_ones_own_is_spoken() -> None:
    family = parse_family("languages: {mira: {script: greek, order: SOV, adpositions: after}}")
    sentences = list(generate("mira", 40, family=family))
    assert len(sentences) == 40
    with pytest.raises(DataError, match="unknown controlled language 'avin'"):
        generate("avin", 1, family=family)


@pytest.mark.parametrize("name", known_languages())
def test_form_alone_does_not_decide_the_class(name: str) -> None:
    words, starts = defaultdict[str, Counter[str]](Counter), defaultdict[str, Counter[str]](Counter)
    size = 1 if name == "huan" else 3
    for sentence in generate(name, 1500, 2):
        for word, upos in zip(sentence.words, sentence.upos, strict=True):
            if upos != "PUNCT":
                words[word][upos] += 1
                starts[word[:size]][upos] += 1
    assert 0.85 < _best(words) < 0.985
    assert _best(starts) < 0.8


def test_nothing_here_imports_torch() -> None:
    code = "import sys, layerlab.languages.corpora.treebanks; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers"} & set(done.stdout.split())


def _best(counts: dict[str, Counter[str]]) -> float:
    """Give the accuracy of always choosing the most frequent class of a form."""
    return sum(max(c.values()) for c in counts.values()) / sum(sum(c.values()) for c in counts.values())
