"""The grammar: documents of meaning trees about a world."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import Final

from layerlab.languages.randomness import Weighted, one_of, stream, weighted
from layerlab.languages.world.meaning import Clause, Gap, Nominal, Tense
from layerlab.languages.world.nouns import draw_nominal
from layerlab.languages.world.registers import Domain
from layerlab.languages.world.scenes import Frame, Scene, open_frame, open_scene
from layerlab.languages.world.world import Verb, World

_MODALS: Final = ("AUX:can", "AUX:must", "AUX:may")
_MARKERS: Final = ("SCONJ:when", "SCONJ:because", "SCONJ:if")
_INTERJECTIONS: Final = ("INTJ:yes", "INTJ:no", "INTJ:well")
_CONJUNCTIONS: Final = weighted(("CCONJ:and", "CCONJ:but", "CCONJ:or"), (0.65, 0.25, 0.1))
_TENSES: Final[tuple[Tense, ...]] = ("past", "present", "future")


@dataclass(frozen=True)
class Around:
    """Where a clause stands.

    Attributes:
        depth: How many clauses are above it.
        subject: Class of the subject, where the noun or the verb above fixes it.
        gap: What is said elsewhere.
    """

    depth: int = 0
    subject: str = ""
    gap: Gap = ""


def documents(world: World, seed: int | str, domain: Domain | None = None) -> Iterator[tuple[Clause, ...]]:
    """Return documents without end; equal seeds give equal meanings.

    Raises:
        DataError: The world has none of the domain's topics.
    """
    frame = open_frame(world, domain)
    return (_document(world, frame, stream("meaning", world.size.seed, seed, number)) for number in count())


def _document(world: World, frame: Frame, random: Random) -> tuple[Clause, ...]:
    shortest, longest = frame.register.shortest, frame.register.longest
    scene = open_scene(world, random, frame)
    length = shortest + int(random.random() * (longest - shortest + 1))
    return tuple(draw_clause(scene, random, Around()) for _ in range(length))


def draw_clause(scene: Scene, random: Random, around: Around) -> Clause:
    """Draw a clause that fits its place."""
    register = scene.register
    if not around.gap and around.depth < 2 and random.random() < register.copulas:
        return _copular(scene, random, around)
    concept = _draw_verb(scene, random, around)
    verb = scene.world.verbs[concept]
    subject = object_ = None
    if around.gap != "subject":
        subject = _argument(scene, random, verb.subject, verb.subjects, around.depth)
    if verb.objects is not None and around.gap != "object":
        object_ = _argument(scene, random, verb.object, verb.objects, around.depth)
    embeds = verb.kind in ("say", "wish")
    complement = _complement(scene, random, verb, around.depth) if embeds and around.depth < 2 else None
    bare = embeds and random.random() < 0.7
    circumstances = () if bare else _circumstances(scene, random, verb, around.depth)
    main = around.depth == 0
    adverbial = conjunct = None
    if main and random.random() < register.adverbials:
        adverbial = draw_clause(scene, random, Around(2))
    if main and complement is None and random.random() < register.conjuncts:
        conjunct = _conjunct(scene, random, verb)
    return Clause(
        predicate=concept,
        subject=subject,
        object=object_,
        circumstances=circumstances,
        adverbs=(verb.adverbs.draw(random),) if random.random() < register.adverbs else (),
        tense=scene.tense if random.random() < 0.75 else one_of(random, _TENSES),
        modal=one_of(random, _MODALS) if around.gap == "" and random.random() < register.modals else "",
        negated=random.random() < register.negations,
        question=main and random.random() < register.questions,
        complement=complement,
        controlled=verb.kind == "wish",
        adverbial=adverbial,
        marker=one_of(random, _MARKERS) if adverbial else "",
        fronted=random.random() < 0.4,
        conjunct=conjunct,
        conjunction=_CONJUNCTIONS.draw(random) if conjunct else "",
        interjection=one_of(random, _INTERJECTIONS)
        if main and random.random() < register.interjections
        else "",
    )


def _draw_verb(scene: Scene, random: Random, around: Around) -> str:
    """Draw a verb: by the gap's class where there is one, else one of the document's or of the topic's."""
    if around.gap:
        fitting = scene.world.doers if around.gap == "subject" else scene.world.takers
        return fitting[around.subject].draw(random)
    concept = one_of(random, scene.verbs) if random.random() < 0.6 else scene.topic_verbs.draw(random)
    if around.depth >= 2 and scene.world.verbs[concept].kind in ("say", "wish"):
        return scene.world.doers["person"].draw(random)
    return concept


def _argument(scene: Scene, random: Random, category: str, liked: Weighted[str], depth: int) -> Nominal:
    nominal = draw_nominal(scene, random, category, liked, decorated=depth < 2)
    if depth > 0 or nominal.kind != "noun" or nominal.conjunct or nominal.entity:
        return nominal
    if random.random() >= scene.register.relatives:
        return nominal
    return _with_relative(scene, random, nominal)


def _with_relative(scene: Scene, random: Random, nominal: Nominal) -> Nominal:
    """Add a relative clause to a noun, where a verb fits it."""
    category = scene.world.nouns[nominal.concept].category
    gap: Gap = "subject" if random.random() < 0.65 else "object"
    if category not in (scene.world.doers if gap == "subject" else scene.world.takers):
        return nominal
    clause = draw_clause(scene, random, Around(2, category, gap))
    return replace(nominal, relative=clause, gap=gap)


def _circumstances(scene: Scene, random: Random, verb: Verb, depth: int) -> tuple[tuple[str, Nominal], ...]:
    chance = random.random()
    if chance > (scene.register.circumstances if depth == 0 else 0.3):
        return ()
    found: dict[str, Nominal] = {}
    for _ in range(2 if chance < 0.08 else 1):
        relation, category = verb.roles.draw(random)
        found[relation] = draw_nominal(
            scene, random, category, scene.world.by_category[category], decorated=depth < 2
        )
    return tuple(found.items())


def _complement(scene: Scene, random: Random, verb: Verb, depth: int) -> Clause:
    if verb.kind == "say":
        return draw_clause(scene, random, Around(depth + 1))
    return draw_clause(scene, random, Around(2, verb.subject, "subject"))


def _conjunct(scene: Scene, random: Random, verb: Verb) -> Clause:
    """Draw the next clause: about the same subject, where verbs fit it, or another."""
    if verb.subject in scene.world.doers and random.random() < 0.6:
        return draw_clause(scene, random, Around(2, verb.subject, "subject"))
    return draw_clause(scene, random, Around(2))


def _copular(scene: Scene, random: Random, around: Around) -> Clause:
    """Draw a clause that says what something is, or is like."""
    noun = one_of(random, scene.all_nouns)
    category = scene.world.nouns[noun].category
    subject = draw_nominal(
        scene, random, category, scene.world.by_category[category], decorated=around.depth < 1
    )
    concept = subject.concept if subject.kind == "noun" else noun
    attribute = None
    predicate = scene.world.nouns[concept].adjectives.draw(random)
    if random.random() < 0.35:
        other = scene.world.by_category[category].draw(random)
        attribute = Nominal(other, plural=subject.plural, definite=False, adjectives=(predicate,))
        predicate = ""
    return Clause(
        predicate=predicate,
        subject=subject,
        attribute=attribute,
        adverbs=("ADV:very",) if predicate and random.random() < 0.25 else (),
        tense=scene.tense if random.random() < 0.6 else "present",
        negated=random.random() < 0.12,
        question=around.depth == 0 and random.random() < scene.register.questions,
    )
