"""Overlap of a study's targets with their sources, in word-pieces of an encoder, as a node.

A study asks for it with ``nodes: {overlap: {}}``: one node a model, task and source, or one for each seed
where seeds have encoders of their own. Tokenizers and corpora are read, and no weights.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from layerlab.analysis.stored.record import Record, ScoreRow
from layerlab.data.catalog.corpus import find_corpus
from layerlab.data.spec import DataSpec
from layerlab.names import OVERLAP
from layerlab.nodes.facts import Facts
from layerlab.nodes.identity import digest
from layerlab.nodes.kinds.fields import columns_beside, read_node
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.places import places_of, read_options
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.kinds.training.encoding import Encoding
from layerlab.nodes.kinds.training.origin import Origin, read_planned
from layerlab.nodes.node import Node, Work, node
from layerlab.tasks.task import get_task
from layerlab.validation import Names

if TYPE_CHECKING:
    from layerlab.measures.overlap import Overlap

# Raised when the same texts and tokenizers would get other numbers.
OVERLAP_VERSION = 1


class OverlapOptions(BaseModel):
    """What a study may say of its overlaps.

    Attributes:
        tasks: Whose corpora are compared; those of all tasks of the study by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: Names = ()


@node
class PieceOverlap(BaseModel):
    """The overlap of one source's training split with the test split of every target.

    Attributes:
        checkpoint: Digest of the encoder.
        location: Folder or Hub id of the encoder.
        revision: Commit of a Hub model.
        pretraining: Id of the pretraining that gives the encoder, if one does.
        columns: The record's columns that name it.
        task: Name of the task whose corpora are read.
        source: Language of the training split, or several, whose splits are joined.
        train: Digest of that split by language.
        targets: Digest of each target's test split.
        data: Where the corpora are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str] = "overlap"
    removable: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[bool] = False
    scored: ClassVar[bool] = True

    checkpoint: str
    location: str
    revision: str | None
    pretraining: str | None
    columns: Mapping[str, Any]
    task: str
    source: str
    train: Mapping[str, str]
    targets: Mapping[str, str]
    data: DataSpec

    @property
    def id(self) -> str:
        """Its identity; no number depends on the seed of a fine-tuning."""
        spec = {name: getattr(self, name) for name in ("checkpoint", "task", "source", "train", "targets")}
        return digest({"kind": self.kind, "version": OVERLAP_VERSION, **spec})

    @property
    def needs(self) -> tuple[str, ...]:
        """The pretraining that gives the encoder, if one does."""
        return () if self.pretraining is None else (self.pretraining,)

    @property
    def title(self) -> str:
        """One line for progress and messages."""
        return f"overlap {self.columns['model']} {self.task} {self.source} seed {self.columns['seed']}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the store."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> PieceOverlap:
        """Read plain values of the store back."""
        return read_node(cls, plain)

    @classmethod
    def plan(cls, options: Any, study: Any, nodes: Sequence[Node]) -> Iterator[PieceOverlap]:
        """Yield the overlaps of every model, task and source of a study.

        Raises:
            StudyError: The options make no sense.
        """
        read = read_options(OverlapOptions, options, cls.kind)
        found: dict[str, PieceOverlap] = {}
        for fit, run in places_of(study, nodes, read, cls.kind):
            one = _overlap_of(fit, run, study.name)
            found.setdefault(one.id, one)
        yield from found.values()

    def execute(self, work: Work) -> None:
        """Cut the corpora with the encoder's tokenizers, count, and write a record.

        Raises:
            DataError: A corpus is not what it was when the plan was made.
            CheckpointError: The encoder is not, or has no tokenizer for a language.
        """
        from layerlab.measures.overlap import count_pieces, piece_overlap

        started = time.monotonic()
        origin = Origin(self.location, self.revision, self.checkpoint, self.pretraining)
        encoding = Encoding(origin, origin.check(work.store), self.revision, work)
        task = get_task(self.task)

        def count(language: str, split: str, planned: str) -> Counter[int]:
            corpus = read_planned(find_corpus(self.data, task.name, task.formats, language, split), planned)
            return count_pieces(corpus.sentences, encoding.tokenizer_of(language))

        source: Counter[int] = Counter()
        for language, planned in self.train.items():
            source += count(language, "train", planned)
        rows: list[ScoreRow] = []
        for target, planned in self.targets.items():
            rows += _rows_of(target, piece_overlap(source, count(target, "test", planned)))
        facts = Facts.gather(work.settings.device, time.monotonic() - started)
        about = {**self.columns, "run_id": self.id}
        with work.publish(self) as folder:
            Record(
                kind=self.kind, id=self.id, about=about, facts=facts.model_dump(), scores=tuple(rows)
            ).write(folder)


def _rows_of(target: str, found: Overlap) -> Iterator[ScoreRow]:
    """Yield the rows of a target; they are of no layer, and level 0 keeps them apart from scores."""
    for metric, value, n in (
        ("shared_pieces", found.shared_pieces, found.n_pieces),
        ("shared_tokens", found.shared_tokens, found.n_tokens),
    ):
        known = None if math.isnan(value) else value
        yield ScoreRow(target=target, split=OVERLAP, metric=metric, layer=0, value=known, n=n)


def _overlap_of(fit: Fit, run: Run, study: str) -> PieceOverlap:
    """Return the overlap of the encoder that a fit starts from, on the corpora of the fit and its run."""
    metric = get_task(fit.spec.task).metric
    return PieceOverlap(
        checkpoint=fit.spec.checkpoint,
        location=fit.location,
        revision=fit.revision,
        pretraining=fit.pretraining,
        columns=columns_beside({"study": study, **fit.columns}, OVERLAP, metric),
        task=fit.spec.task,
        source=fit.source,
        train=fit.spec.corpora_of("train", fit.source),
        targets=run.spec.targets,
        data=run.data,
    )
