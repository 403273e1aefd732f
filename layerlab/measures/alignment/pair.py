"""How far two encoders that were trained independently can be aligned, level by level, beside its bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from layerlab.ablation.interventions.donors import draw_encoder
from layerlab.measures.alignment.maps import AlignmentMap, fit_map
from layerlab.measures.alignment.material import (
    Items,
    Material,
    Side,
    context_items,
    levels_beside,
    sentence_items,
    width_of,
    word_items,
)
from layerlab.measures.alignment.options import Aligning
from layerlab.measures.alignment.parts import Parts
from layerlab.measures.cka import cka
from layerlab.measures.retrieval import precision_at_one
from layerlab.measures.states import States

Tell = Callable[[str], None]
#: A model of both languages, as it reads the source and as it reads the target.
Joint = tuple[Side, Side] | None
_ITEMS: Mapping[str, Callable[[Material, Aligning], Items]] = {
    "word": word_items,
    "context": context_items,
    "sentence": sentence_items,
}


class PairRow(NamedTuple):
    """One value of a pair of encoders, a fraction.

    ``condition`` is one of `layerlab.names.CONDITIONS`, ``layer`` a level of the source's encoder, ``n`` what
    was looked for; CKA has the same value for every seed.
    """

    seed: int
    condition: str
    metric: str
    layer: int
    value: float
    n: int


@dataclass(frozen=True)
class Comparison:
    """Two encoders whose states are compared, and how.

    Attributes:
        source: Reads the source language.
        target: Reads the target language.
        maps: Condition, as records name it, to the map.
        similarity: The condition under which their CKA is recorded.
    """

    source: Side
    target: Side
    maps: Mapping[str, str]
    similarity: str

    @property
    def title(self) -> str:
        """Both labels, or one."""
        same = self.source.label == self.target.label
        return self.source.label if same else f"{self.source.label} and {self.target.label}"


def comparisons(source: Side, target: Side, joint: Joint, maps: Sequence[str]) -> list[Comparison]:
    """Return the pair, with a random rotation and no map beside its maps, and the bounds.

    The lower bound is an encoder like the target's that was never trained; the upper one a joint model as it
    reads the source language and the target language.
    """
    own = {how: how for how in maps} | {"rotation": "rotation"}
    own |= {"none": "none"} if width_of(source) == width_of(target) else {}
    lower = {"untrained" if how == "procrustes" else f"untrained_{how}": how for how in maps}
    found = [
        Comparison(source, target, own, "none"),
        Comparison(source, untrained(target), lower, "untrained"),
    ]
    if joint is not None:
        upper = {"joint": "none"} | ({"joint_procrustes": "procrustes"} if "procrustes" in maps else {})
        found.append(Comparison(*joint, upper, "joint"))
    return found


def untrained(side: Side) -> Side:
    """Return an encoder of the same architecture with fresh weights, in the place of another."""
    fresh = draw_encoder(side.encoder.base, "library", 0)
    fresh.base.to(side.encoder.base.device)  # type: ignore[arg-type]
    fresh.base.eval()  # type: ignore[no-untyped-call]
    return replace(side, label=f"untrained {side.label}", encoder=fresh)


def align_pair(
    source: Side,
    target: Side,
    material: Material,
    options: Aligning,
    seeds: Sequence[int] = (0,),
    *,
    joint: Joint = None,
    tell: Tell = lambda text: None,
    note: Tell = lambda text: None,
) -> Iterator[PairRow]:
    """Align two encoders, and yield how often the nearest state is that of the translation.

    Maps take states of the target's encoder into the space of the source's. They are fitted on one part of
    the words or sentences, another for each seed, and tested on the rest. Retrieval is P@1 with CSLS: the
    mean of both directions, and rows ``..._forward`` (from source to target) and ``..._backward``.

    Args:
        source: Reads the source language.
        target: Reads the target language.
        material: What they are aligned on.
        options: What is measured, and how.
        seeds: Of the parts.
        joint: A model of both languages as it reads each of them, as the upper bound.
        tell: Called with a line of text for each step.
        note: Called with what a reader of the results should know.

    Raises:
        DataError: Too few pairs, no dictionary for words, or a level that does not exist.
    """
    compared = comparisons(source, target, joint, options.maps)
    units = [unit for unit in options.units if unit in _ITEMS]
    if "cka" in options.units and "sentence" not in units:
        units.append("sentence")
    made = {unit: _ITEMS[unit](material, options) for unit in units}
    parts = {unit: {seed: items.parts(seed) for seed in seeds} for unit, items in made.items()}
    for unit, items in made.items():
        if unit in options.units:
            warn_of_few(items, parts[unit], max(width_of(one) for one in (source, target)), note)
        read: tuple[Side, States] | None = None
        for one in compared:
            levels, others = (
                levels_beside(source.encoder.n_layers, side.encoder.n_layers, options.layers)
                for side in (one.source, one.target)
            )
            if read is None or read[0] is not one.source:
                read = one.source, items.read(one.source, 0, [level for _, level in levels])
            there = items.read(one.target, 1, [level for _, level in others])
            tell(f"{unit}: {len(items.pairs):,} pairs, states of {one.title}")
            for (level, _), *states in zip(levels, read[1], there, strict=True):
                yield from _level_rows(one, items, parts[unit], level, states, options)


def _level_rows(
    one: Comparison,
    items: Items,
    parts: Mapping[int, Parts],
    level: int,
    states: Sequence[NDArray[np.float32]],
    options: Aligning,
) -> Iterator[PairRow]:
    """Yield what is measured of the states of both sides at one level."""
    here, there = states
    if items.unit == "sentence" and "cka" in options.units:
        value = cka(here, there)
        for seed in parts:
            yield PairRow(seed, one.similarity, "cka", level, value, len(here))
    if items.unit in options.units:
        for seed, own in parts.items():
            yield from _retrieve(one, items, own, here, there, level, seed, options)


def warn_of_few(items: Items, parts: Mapping[int, Parts], width: int, note: Tell) -> None:
    """Note that there are fewer pairs than dimensions, so that they do not determine a map."""
    fewest = min(len(one.fit) for one in parts.values())
    if fewest < width:
        note(
            f"{items.unit}: {fewest} pairs are too few to determine a map between spaces of {width} "
            "dimensions; what they do not span is mapped by chance (Procrustes) or to zero (least squares)"
        )


def _retrieve(
    one: Comparison,
    items: Items,
    parts: Parts,
    here: NDArray[np.float32],
    there: NDArray[np.float32],
    level: int,
    seed: int,
    options: Aligning,
) -> Iterator[PairRow]:
    """Yield the retrieval under every map of a comparison at one level."""
    fit = items.pairs[parts.fit]
    for condition, how in one.maps.items():
        mapping = fit_map(there[fit[:, 1]], here[fit[:, 0]], how, rounds=options.rounds, seed=seed)
        metric = f"{items.unit}_retrieval"
        (forward, n), (backward, n_back) = retrieved(
            items, items.pairs[parts.test], mapping, here, there, options.neighbours
        )
        values = {
            "": ((forward + backward) / 2, n),
            "_forward": (forward, n),
            "_backward": (backward, n_back),
        }
        for direction, (value, number) in values.items():
            yield PairRow(seed, condition, f"{metric}{direction}", level, value, number)


def retrieved(
    items: Items,
    tested: NDArray[np.int64],
    mapping: AlignmentMap,
    here: NDArray[np.float32],
    there: NDArray[np.float32],
    neighbours: int,
) -> tuple[tuple[float, int], tuple[float, int]]:
    """Return the accuracy of retrieval from source to target and back, each with the number of queries.

    Args:
        items: Says which pairs are right.
        tested: The pairs that are looked for, ``(pairs, 2)``.
        mapping: Of the target's states.
        here: States of all things of the source, ``(things, hidden)``.
        there: Those of the target.
        neighbours: Of CSLS.
    """
    found = []
    sides = mapping.end.normalise(here), mapping.normalised(there)
    for own, other in ((0, 1), (1, 0)):
        queries = np.unique(tested[:, own])
        crowd = np.arange(len(sides[own])) if items.among_all else queries
        among = np.arange(len(sides[other])) if items.among_all else np.unique(tested[:, other])
        place = {int(number): index for index, number in enumerate(among)}
        right: dict[int, set[int]] = {int(number): set() for number in queries}
        for pair in items.pairs:
            if int(pair[own]) in right and int(pair[other]) in place:
                right[int(pair[own])].add(place[int(pair[other])])
        value = precision_at_one(
            sides[own][queries],
            sides[other][among],
            [right[int(number)] for number in queries],
            crowd=sides[own][crowd],
            neighbours=neighbours,
        )
        found.append((value, len(queries)))
    return found[0], found[1]
