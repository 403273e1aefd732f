"""What follows from what: meanings made weaker, stronger, denied or turned to their opposite.

A sentence says that something of a kind happens: its parts are conditions, all of which hold. Fewer or
more general conditions are weaker, more or narrower ones are stronger, and what is stronger entails what is
weaker. Negation denies the whole clause, so it reverses this. Complements (what is said or wished),
coordinated nominals and ``every`` are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from layerlab.languages.randomness import one_of
from layerlab.languages.world.meaning import Clause, Nominal
from layerlab.languages.world.world import Verb, World, numbered

_CLASS_OF_NAMES: Final = {"PER": "person", "LOC": "place", "ORG": "group"}
_OWNERS: Final = ("PRON:my", "PRON:your", "PRON:his", "PRON:our", "PRON:their")

Change = Callable[[Nominal], Nominal]


def hypernym(world: World, noun: str) -> str:
    """Return the general word for a noun: the most frequent noun of its class, such as "animal"."""
    return world.by_category[world.nouns[noun].category].items[0]


def antonym(world: World, adjective: str) -> str:
    """Return the opposite of an adjective (0 and 1, 2 and 3, ... are opposites), or nothing."""
    number = int(adjective.split(":")[1]) ^ 1
    return f"ADJ:{number}" if number < world.size.adjectives else ""


def assertion(clause: Clause) -> Clause | None:
    """Return what a sentence asserts, undenied and without further clauses; None where ``every`` is in it."""
    plain = replace(clause, negated=False, question=False, interjection="")
    plain = replace(plain, adverbial=None, marker="", conjunct=None, conjunction="")
    if any(nominal.determiner == "DET:every" for nominal in nominals(plain)):
        return None
    attribute = plain.attribute
    if attribute is not None and plain.subject is not None and attribute.concept == plain.subject.concept:
        return None
    return plain


def nominals(meaning: Clause | Nominal | None) -> Iterator[Nominal]:
    """Yield all nominals of a meaning, those within others too."""
    if isinstance(meaning, Nominal):
        yield meaning
        for part in (meaning.possessor, meaning.relative, meaning.conjunct):
            yield from nominals(part)
    elif meaning is not None:
        for part in (meaning.subject, meaning.object, meaning.attribute, meaning.complement):
            yield from nominals(part)
        for _, nominal in meaning.circumstances:
            yield from nominals(nominal)


def deny(clause: Clause) -> Clause:
    """Deny a clause, or assert it if it is denied."""
    return replace(clause, negated=not clause.negated)


def weaker(world: World, clause: Clause) -> list[Clause]:
    """Return every clause that says one thing less: a part dropped, or a word generalised."""
    found = [replace(clause, adverbs=())] if clause.adverbs else []
    for place in range(len(clause.circumstances)):
        kept = (*clause.circumstances[:place], *clause.circumstances[place + 1 :])
        found.append(replace(clause, circumstances=kept))
    for nominal, put in _places(clause):
        found.extend(put(less) for less in _less(world, nominal))
        # That a dog is an animal is no news: the attribute keeps its noun.
        if clause.attribute is None or nominal is not clause.attribute:
            general = _generalised(world, nominal)
            if general is not None and (
                clause.attribute is None or general.concept != clause.attribute.concept
            ):
                found.append(put(general))
    return found


def stronger(world: World, clause: Clause, random: Random) -> list[Clause]:
    """Return clauses that say one thing more: circumstance, adverb, degree, adjective or owner."""
    found: list[Clause] = []
    verb = world.verbs.get(clause.predicate)
    if verb is not None:
        relation, category = verb.roles.draw(random)
        if relation not in dict(clause.circumstances):
            place = Nominal(world.by_category[category].draw(random), definite=random.random() < 0.5)
            found.append(replace(clause, circumstances=(*clause.circumstances, (relation, place))))
        if not clause.adverbs:
            found.append(replace(clause, adverbs=(verb.adverbs.draw(random),)))
    elif clause.predicate and not clause.adverbs:
        found.append(replace(clause, adverbs=("ADV:very",)))
    for nominal, put in _places(clause):
        found.extend(put(more) for more in _more(world, nominal, random) if nominal is not clause.attribute)
    return found


def other(world: World, clause: Clause, random: Random) -> list[Clause]:
    """Return clauses with another noun, name, verb or adjective: they neither follow nor are excluded."""
    found: list[Clause] = []
    verb = world.verbs.get(clause.predicate)
    if verb is not None and clause.complement is None:
        same = [name for name, item in world.verbs.items() if _frame(item) == _frame(verb)]
        if len(same) > 1:
            found.append(replace(clause, predicate=_another(same, (clause.predicate,), random)))
    if clause.predicate.startswith("ADJ"):
        excluded = (clause.predicate, antonym(world, clause.predicate))
        adjectives = numbered("ADJ", world.size.adjectives)
        found.append(replace(clause, predicate=_another(adjectives, excluded, random)))
    for nominal, put in _places(clause):
        if nominal is clause.attribute or nominal.conjunct is not None:
            continue
        if nominal.kind == "name" and nominal.entity != "ORG":
            names = world.names.first if nominal.entity == "PER" else world.names.places
            changed = replace(nominal, concept=_another(names.items, (nominal.concept,), random))
            if nominal.surname:
                surname = _another(world.names.last.items, (nominal.surname,), random)
                changed = replace(changed, surname=surname)
            found.append(put(changed))
        elif (
            nominal.kind == "noun"
            and not nominal.entity
            and nominal.concept != hypernym(world, nominal.concept)
        ):
            alike = world.by_category[world.nouns[nominal.concept].category].items[1:]
            excluded = (nominal.concept, clause.attribute.concept if clause.attribute is not None else "")
            if not set(alike) <= set(excluded):
                found.append(put(replace(nominal, concept=_another(alike, excluded, random))))
    return found


def opposite(world: World, clause: Clause) -> Clause | None:
    """Return the clause with the opposite of its predicate adjective, where its subject is a certain one."""
    subject = clause.subject
    if not clause.predicate.startswith("ADJ") or subject is None or subject.conjunct is not None:
        return None
    certain = subject.kind != "noun" or subject.entity or (subject.definite and not subject.determiner)
    turned = antonym(world, clause.predicate)
    return replace(clause, predicate=turned) if certain and turned else None


def _frame(verb: Verb) -> tuple[str, str, str]:
    return verb.kind, verb.subject, verb.object


def _another(items: Sequence[str], but: Collection[str], random: Random) -> str:
    return one_of(random, [item for item in items if item not in but])


def _places(clause: Clause) -> Iterator[tuple[Nominal, Callable[[Nominal], Clause]]]:
    """Yield the nominals of a clause, each with how to put another in its place."""
    if clause.subject is not None:
        yield clause.subject, lambda new: replace(clause, subject=new)
    if clause.object is not None:
        yield clause.object, lambda new: replace(clause, object=new)
    if clause.attribute is not None:
        yield clause.attribute, lambda new: replace(clause, attribute=new)
    for place, (relation, nominal) in enumerate(clause.circumstances):

        def put(new: Nominal, place: int = place, relation: str = relation) -> Clause:
            parts = clause.circumstances
            return replace(clause, circumstances=(*parts[:place], (relation, new), *parts[place + 1 :]))

        yield nominal, put


def _less(world: World, nominal: Nominal) -> Iterator[Nominal]:
    if nominal.kind != "noun" or nominal.conjunct is not None or nominal.entity:
        return
    if nominal.adjectives:
        yield replace(nominal, adjectives=(), degree="")
    if nominal.degree == "ADV:very":
        yield replace(nominal, degree="")
    if nominal.numeral:
        yield replace(nominal, numeral="")
    if nominal.possessor is not None:
        yield replace(nominal, possessor=None)
    if nominal.relative is not None:
        yield replace(nominal, relative=None, gap="")


def _generalised(world: World, nominal: Nominal) -> Nominal | None:
    if nominal.conjunct is not None or nominal.kind == "pronoun":
        return None
    if nominal.entity:
        general = world.by_category[_CLASS_OF_NAMES[nominal.entity]].items[0]
        return Nominal(general, definite=False) if nominal.concept != general else None
    if nominal.kind != "noun":
        return None
    general = hypernym(world, nominal.concept)
    return replace(nominal, concept=general) if general != nominal.concept else None


def _more(world: World, nominal: Nominal, random: Random) -> Iterator[Nominal]:
    if nominal.kind != "noun" or nominal.conjunct is not None or nominal.entity:
        return
    if not nominal.adjectives:
        yield replace(nominal, adjectives=(world.nouns[nominal.concept].adjectives.draw(random),))
    elif not nominal.degree:
        yield replace(nominal, degree="ADV:very")
    if nominal.possessor is None and not nominal.determiner:
        yield replace(nominal, possessor=Nominal(one_of(random, _OWNERS), "pronoun"))
