"""What two encoders' alignment gives, as scores of records, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from layerlab.analysis.stored.record import ScoreRow
from layerlab.measures.alignment.material import Material, Side
from layerlab.measures.alignment.options import Aligning
from layerlab.measures.alignment.pair import Joint, PairRow, Tell, align_pair
from layerlab.measures.alignment.transfer import TaskData, TransferRow, transfer
from layerlab.names import ALIGNED


@dataclass(frozen=True)
class Sides:
    """The encoders of an alignment; ``joint`` is the upper bound, as it reads each language."""

    source: Side
    target: Side
    joint: Joint = None


def aligned_rows(
    sides: Sides,
    material: Material,
    how: Aligning,
    seeds: Sequence[int],
    *,
    data: TaskData | None = None,
    tell: Tell,
    note: Tell,
) -> Mapping[int, tuple[ScoreRow, ...]]:
    """Align encoders, or with a task's ``data`` carry its network over, and return each seed's scores."""
    found: dict[int, list[ScoreRow]] = {seed: [] for seed in seeds}
    measure: Callable[..., Iterable[PairRow | TransferRow]]
    measure = align_pair if data is None else partial(transfer, data=data)
    of = sides.source, sides.target, material
    for row in measure(*of, options=how, seeds=seeds, joint=sides.joint, tell=tell, note=note):
        one = _of_task(row) if isinstance(row, TransferRow) else _of_pair(row, material.bitext.target)
        if one.value is not None and not math.isnan(one.value):
            found[row.seed].append(one)
    return {seed: tuple(rows) for seed, rows in found.items()}


def _of_pair(row: PairRow, target: str) -> ScoreRow:
    return ScoreRow(
        target=target,
        split=ALIGNED,
        metric=row.metric,
        layer=row.layer,
        value=row.value,
        n=row.n,
        intervention=row.condition,
    )


def _of_task(row: TransferRow) -> ScoreRow:
    return ScoreRow(
        target=row.target,
        split="test",
        metric=row.score.metric,
        layer=row.layer,
        value=row.score.value,
        n=row.score.n,
        floor=row.score.floor,
        intervention=row.condition,
    )
