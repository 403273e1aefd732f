"""Two encoders by name, aligned outside of a study: what they give becomes tidy records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from layerlab.analysis.stored.record import Record, ScoreRow
from layerlab.data.spec import DataSpec
from layerlab.errors import LayerlabError, Problem, StudyError
from layerlab.measures.alignment.material import Side
from layerlab.measures.alignment.options import ALIGNMENT_VERSION, Aligning
from layerlab.models.checkpoints import Checkpoint, find_checkpoint
from layerlab.models.encoder import Encoder
from layerlab.models.tokenizers import load_tokenizers
from layerlab.nodes.identity import digest
from layerlab.nodes.kinds.alignment.carried import Carried
from layerlab.nodes.kinds.alignment.ground import Ground
from layerlab.nodes.kinds.alignment.node import aligned_columns, possible
from layerlab.nodes.kinds.alignment.rows import Sides, aligned_rows
from layerlab.tasks.task import get_task
from layerlab.tasks.words import DEFAULT_WORD, Word
from layerlab.training.devices import make_accelerator

if TYPE_CHECKING:
    import pandas as pd

STUDY = "aligned"  # the name of their study


@dataclass(frozen=True)
class Sought:
    """Two encoders by name, and the tasks whose networks are carried from one to the other.

    Attributes:
        source: Label and name of the encoder of the source language: a folder, the name of an encoder that
            comes with layerlab, or a Hub id.
        target: Those of the encoder of the target language.
        joint: A model of both languages, as the upper bound.
        tasks: Tasks whose networks are carried over.
        data: Where the tasks' corpora are.
        word: What stands for a word of several word-pieces, in tasks.
    """

    source: tuple[str, str]
    target: tuple[str, str]
    joint: tuple[str, str] | None = None
    tasks: Sequence[str] = ()
    data: DataSpec = field(default_factory=DataSpec)
    word: Word = DEFAULT_WORD

    @property
    def labels(self) -> dict[str, str]:
        """The encoders' labels; that of the joint model is empty where there is none."""
        joint = self.joint[0] if self.joint else ""
        return {"source": self.source[0], "target": self.target[0], "joint": joint}

    def find(self, languages: tuple[str, str]) -> tuple[dict[str, Checkpoint], list[Carried]]:
        """Find the encoders, and the corpora of the tasks.

        Raises:
            StudyError: Some do not exist; names all of them.
        """
        problems: list[Problem] = []
        found: dict[str, Checkpoint] = {}
        carried: list[Carried] = []
        for which, named in (("source", self.source), ("target", self.target), ("joint", self.joint)):
            try:
                if named is not None:
                    found[which] = find_checkpoint(named[1])
            except LayerlabError as error:
                problems.append(Problem(which, str(error)))
        for task in self.tasks:
            try:
                carried.append(Carried.find(task, self.data, self.word, languages))
            except LayerlabError as error:
                problems.append(Problem(f"task {task}", str(error)))
        if problems:
            raise StudyError(problems, "the alignment")
        return found, carried


def align_models(
    sought: Sought,
    ground: Ground,
    *,
    how: Aligning | None = None,
    seeds: Sequence[int] = (0,),
    device: str = "auto",
    tell: Callable[[str], None] = lambda text: None,
    note: Callable[[str], None] = lambda text: None,
) -> pd.DataFrame:
    """Align two encoders that were trained independently, at every level.

    Args:
        sought: The encoders, and the tasks whose networks are carried over.
        ground: The two languages, and what the encoders are aligned on.
        how: What is measured, and how maps are fitted.
        seeds: Of the parts that maps are fitted and tested on, and of the networks.
        device: ``auto`` or ``cpu``.
        tell: Called with a line of text for each step.
        note: Called with what a reader of the results should know.

    Returns:
        Tidy records: ``ablation`` is ``aligned``, ``model`` and ``donor`` are the two encoders,
        ``intervention`` is what the states went through, ``layer`` the level, ``seed`` that of the parts. A
        ``run_id`` stands for one pair, task and seed.

    Raises:
        StudyError: Encoders, tasks or corpora that do not exist; all of them at once, before anything is
            computed.
        DataError: Too little material.
    """
    import pandas as pd

    from layerlab.analysis.records.spread import record_rows
    from layerlab.analysis.records.tidy import validate_records

    languages = ground.source, ground.target
    found, carried = sought.find(languages)
    material = ground.read()
    how, left_out = possible(how or Aligning(), ground)
    if left_out:
        note(left_out)
    spoken = {"source": languages[:1], "target": languages[1:], "joint": languages}
    loaded = {which: _load(sought.labels[which], one, spoken[which], device) for which, one in found.items()}
    both = loaded.get("joint")
    one, other = loaded["source"][0], loaded["target"][0]
    sides = Sides(one, other, None if both is None else (both[0], both[1]))
    scores = partial(aligned_rows, sides, material, how, seeds, tell=tell, note=note)
    of = [sought.labels, {which: checkpoint.digest for which, checkpoint in found.items()}, languages]
    identity = {"version": ALIGNMENT_VERSION, "of": of, "how": how.model_dump(mode="json")}
    records = _records(sought, languages, carried, identity, scores)
    rows = [row for record in records for row in record_rows(record)]
    return validate_records(pd.DataFrame(rows), "the records of the alignment")


def _records(
    sought: Sought,
    languages: tuple[str, str],
    carried: Sequence[Carried],
    identity: Mapping[str, Any],
    scores: Callable[..., Mapping[int, tuple[ScoreRow, ...]]],
) -> Iterator[Record]:
    """Yield the records of retrieval and CKA, then those of each task, seed by seed."""
    labels = sought.source[0], sought.target[0]
    for one in (None, *carried):
        task = None if one is None else get_task(one.task)
        for seed, own in scores(data=None if one is None else one.read(languages)).items():
            about = aligned_columns(STUDY, labels, task, languages[0], seed)
            run_id = digest({**identity, "task": about["task"], "seed": seed})
            yield Record(kind="alignment", id=run_id, about=about, scores=own)


def _load(label: str, checkpoint: Checkpoint, languages: Sequence[str], device: str) -> tuple[Side, ...]:
    encoder = Encoder.from_pretrained(checkpoint.reference, language="any")
    encoder.base.to(make_accelerator(device).device)
    return Side.speaking(languages, label, encoder, load_tokenizers(checkpoint.reference))
