from __future__ import annotations

import functools
import re
from collections import Counter

import pytest
from pydantic import ValidationError

from layerlab.data.sentences import Sentence
from layerlab.errors import DataError
from layerlab.languages.corpora.generate import find_world, generate
from layerlab.languages.language import WorldSize
from layerlab.languages.world.grammar import documents
from layerlab.languages.world.registers import DOMAINS, Domain, Register, find_domain
from layerlab.languages.world.world import build_world


@functools.cache
def spoken_in() -> dict[str, list[Sentence]]:
    return {name: list(generate("avin", 1500, domain=domain)) for name, domain in DOMAINS.items()}


def share(sentences: list[Sentence], tag: str) -> float:
    words = [upos for sentence in sentences for upos in sentence.upos]
    return words.count(tag) / len(words)


def questions(name: str) -> float:
    return sum(sentence.words[-1] == "?" for sentence in spoken_in()[name]) / len(spoken_in()[name])


def test_registers_differ_in_length_questions_pronouns_and_names() -> None:
    length = {name: sum(len(s.words) for s in said) / len(said) for name, said in spoken_in().items()}
    assert length["news"] > length["guide"] > length["talk"]
    assert questions("news") == 0 < questions("guide") < 0.05
    assert 0.25 < questions("talk") < 0.4
    spoken = spoken_in()
    assert share(spoken["talk"], "PRON") > 2 * share(spoken["news"], "PRON")
    assert share(spoken["news"], "PROPN") > 2 * share(spoken["talk"], "PROPN")
    assert share(spoken["guide"], "AUX") > 2 * share(spoken["news"], "AUX")


def test_domains_share_no_topic_and_so_differ_in_words() -> None:
    topics = Counter(topic for domain in DOMAINS.values() for topic in domain.topics)
    assert set(topics.values()) == {1}
    nouns = {
        name: Counter(w for s in spoken for w, upos in zip(s.words, s.upos, strict=True) if upos == "NOUN")
        for name, spoken in spoken_in().items()
    }
    for name, counts in nouns.items():
        for other in nouns.keys() - {name}:
            frequent, known = counts.most_common(50), {word for word, _ in nouns[other].most_common(50)}
            assert sum(word in known for word, _ in frequent) < 35


def test_the_default_register_is_that_of_text_of_no_domain() -> None:
    world = find_world()
    everything = Domain("all", tuple(range(world.size.topics)))
    plain, same = documents(world, 3), documents(world, 3, everything)
    assert [next(plain) for _ in range(20)] == [next(same) for _ in range(20)]


def test_domains_share_no_sentence_and_no_name_of_one() -> None:
    ids = [{s.sent_id for s in spoken} for spoken in spoken_in().values()]
    assert not ids[0] & ids[1]
    assert ids[0] == {s.sent_id for s in generate("huan", 1500, domain=DOMAINS["news"])}


def test_topics_that_the_world_lacks_are_told() -> None:
    small = build_world(WorldSize(topics=2))
    assert next(documents(small, 0, find_domain("talk")))
    with pytest.raises(DataError, match="domain guide has the topics 2, 5, 8, 11; the world has 0 to 1"):
        documents(small, 0, find_domain("guide"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pronouns": 0.8, "names": 0.5}, "got pronouns and names that add up to 1.3"),
        ({"past": 0.8, "future": 0.5}, "got past and future that add up to 1.3"),
        ({"shortest": 5, "longest": 3}, "got longest 3; expected at least shortest, 5"),
        ({"questions": 1.5}, "less than or equal to 1"),
        ({"question": 0.5}, "Extra inputs are not permitted"),
    ],
)
def test_a_register_that_cannot_be_is_refused(fields: dict[str, float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Register.model_validate(fields)


def test_a_domain_that_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match="unknown domain 'new'; did you mean 'news'"):
        find_domain("new")
    with pytest.raises(DataError, match=re.escape("got domain 'my-news'")):
        Domain("my-news", (1,))
    with pytest.raises(DataError, match="expected numbers from 0"):
        Domain("mine", ())
