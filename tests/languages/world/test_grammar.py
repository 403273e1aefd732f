from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise

from layerlab.languages.language import WorldSize
from layerlab.languages.world.grammar import documents
from layerlab.languages.world.meaning import Clause, Nominal
from layerlab.languages.world.world import build_world

WORLD = build_world(WorldSize())
DOCUMENTS = tuple(islice(documents(WORLD, 0), 300))


def concepts_of(meaning: Clause | Nominal | None) -> Iterator[str]:
    """Yield the nouns, verbs, adjectives, adverbs and names of a meaning, each as often as it is said."""
    if isinstance(meaning, Nominal):
        if meaning.kind != "pronoun":
            yield meaning.concept
        yield from meaning.adjectives
        if meaning.surname:
            yield meaning.surname
        for part in (meaning.possessor, meaning.relative, meaning.conjunct):
            yield from concepts_of(part)
    elif meaning is not None:
        if meaning.predicate:
            yield meaning.predicate
        yield from meaning.adverbs
        for _, nominal in meaning.circumstances:
            yield from concepts_of(nominal)
        yield from concepts_of(meaning.subject)
        yield from concepts_of(meaning.object)
        yield from concepts_of(meaning.attribute)
        for clause in (meaning.complement, meaning.adverbial, meaning.conjunct):
            yield from concepts_of(clause)


def test_one_seed_gives_one_stream_of_meanings() -> None:
    assert tuple(islice(documents(WORLD, 0), 20)) == DOCUMENTS[:20]
    assert tuple(islice(documents(WORLD, "0-test"), 20)) != DOCUMENTS[:20]


def test_every_construction_occurs() -> None:
    clauses = [clause for document in DOCUMENTS for clause in document]
    assert all(4 <= len(document) <= 8 for document in DOCUMENTS)
    for construction in (
        "attribute",
        "circumstances",
        "adverbs",
        "modal",
        "negated",
        "question",
        "complement",
    ):
        assert any(getattr(clause, construction) for clause in clauses), construction
    for construction in ("adverbial", "conjunct", "interjection"):
        assert 0 < sum(bool(getattr(clause, construction)) for clause in clauses) < len(clauses) / 4
    subjects = [clause.subject for clause in clauses if clause.subject]
    for part in ("relative", "possessor", "numeral", "determiner", "conjunct", "surname", "degree"):
        assert any(getattr(subject, part) for subject in subjects), part


def test_documents_keep_their_nouns() -> None:
    within = across = 0
    for document, other in pairwise(DOCUMENTS):
        first, second, foreign = (
            {concept for concept in concepts_of(clause) if concept.startswith(("NOUN", "NAME"))}
            for clause in (document[0], document[1], other[0])
        )
        within, across = within + len(first & second), across + len(first & foreign)
    assert within > 3 * across


def test_frequencies_are_zipfian() -> None:
    counts = Counter(
        concept for document in DOCUMENTS for clause in document for concept in concepts_of(clause)
    )
    ranked = [count for concept, count in counts.most_common() if concept.startswith("NOUN")]
    assert sum(ranked[:20]) > 0.25 * sum(ranked)
    assert len(ranked) > 200
