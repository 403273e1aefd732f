"""Probes during pretraining: does alignment of languages emerge, at which layer, and when?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from layerlab.data.bitext import TextForm
from layerlab.errors import unknown

if TYPE_CHECKING:
    from layerlab.data.bitext import Bitext

_MEASURES = ("cka", "retrieval")
_LEAST_SENTENCES = 8


class Probes(BaseModel):
    """Held-out parallel sentences on which alignment is measured at regular steps; training does not change.

    Attributes:
        files: Language to its file: all ``.conllu`` (joined by ``sent_id``), all ``.tsv`` (id TAB text,
            joined by id) or all ``.txt`` (line by line); the last two also as ``.xz``. They should hold no
            text of the corpora.
        pair_with: The language that each other one is paired with.
        every: Steps between probes; the untrained model and the last step are always probed.
        sentences: At most so many sentence pairs, spread evenly over the files.
        text: What of ``.conllu`` is read: ``words``, or ``raw`` for the lines ``# text``, as the measures of
            studies do by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: dict[str, Path] = Field(min_length=2)
    pair_with: str = "en"
    every: int = Field(default=1_000, ge=1)
    sentences: int = Field(default=300, ge=_LEAST_SENTENCES)
    text: TextForm = "words"

    @model_validator(mode="after")
    def _pair_with_has_a_file(self) -> Probes:
        if self.pair_with not in self.files:
            raise ValueError(f"pair_with: {unknown('language', self.pair_with, self.files)}")
        return self


def probe_rows(model: Any, tokenizers: Any, bitexts: Sequence[Bitext], step: int) -> list[dict[str, Any]]:
    """Return what probes measure of a model after some steps, one row a pair, layer and measure.

    Each holds ``step``, ``layer`` (0 for the embeddings), ``source``, ``target``, ``measure`` (``cka``,
    linear and debiased; ``retrieval``, the mean accuracy of both directions), ``value`` and ``n``.
    """
    from layerlab.measures.bitext_alignment import alignment_rows

    return [
        {
            "step": step,
            "layer": row.layer,
            "source": row.source,
            "target": row.target,
            "measure": row.measure,
            "value": None if row.value != row.value else round(row.value, 6),
            "n": row.n,
        }
        for row in alignment_rows(model, bitexts, measures=_MEASURES, tokenizer=tokenizers)
        if row.measure in _MEASURES
    ]


def means_by_layer(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float | None]]:
    """Return the mean over the pairs by measure and layer, the embeddings first; None where not defined.

    >>> values = ((0, 0.1), (0, 0.3), (1, None))
    >>> rows = [{"layer": layer, "measure": "cka", "value": value} for layer, value in values]
    >>> means_by_layer(rows)
    {'cka': [0.2, None]}
    """
    values: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        layer = values.setdefault(row["measure"], {}).setdefault(row["layer"], [])
        if row["value"] is not None:
            layer.append(row["value"])
    return {
        measure: [sum(found) / len(found) if found else None for _, found in sorted(layers.items())]
        for measure, layers in values.items()
    }


def read_probes(probes: Probes) -> tuple[Bitext, ...]:
    """Read the parallel sentences of probes.

    Raises:
        DataError: A file that is missing, sentences that do not correspond, or too few of them.
    """
    from layerlab.data.bitext import pairs_with
    from layerlab.data.formats.bitext_files import read_aligned
    from layerlab.errors import DataError

    bitexts = pairs_with(read_aligned(probes.files, probes.text), (), probes.pair_with, probes.sentences)
    if len(bitexts[0]) < _LEAST_SENTENCES:
        raise DataError(
            f"probes: {len(bitexts[0])} sentences are common to all files; "
            f"expected at least {_LEAST_SENTENCES}"
        )
    return bitexts
