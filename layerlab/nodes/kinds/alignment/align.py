"""Two encoders by name, aligned outside of a study: what they give becomes tidy records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from layerlab.analysis.stored.record import Record
from layerlab.data.spec import DataSpec
from layerlab.errors import LayerlabError, Problem, StudyError
from layerlab.measures.alignment.material import Side
from layerlab.measures.alignment.options import ALIGNMENT_VERSION, Aligning
from layerlab.models.checkpoints import Checkpoint, find_checkpoint
from layerlab.models.encoder import Encoder
from layerlab.models.tokenizers import load_tokenizer
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


def align_models(
    source: tuple[str, str],
    target: tuple[str, str],
    ground: Ground,
    *,
    joint: tuple[str, str] | None = None,
    tasks: Sequence[str] = (),
    data: DataSpec | None = None,
    how: Aligning | None = None,
    seeds: Sequence[int] = (0,),
    word: Word = DEFAULT_WORD,
    device: str = "auto",
    tell: Callable[[str], None] = lambda text: None,
    note: Callable[[str], None] = lambda text: None,
) -> pd.DataFrame:
    """Align two encoders that were trained independently, at every level.

    Args:
        source: Label and name of the encoder of the source language: a folder, the name of an encoder that
            comes with layerlab, or a Hub id.
        target: Those of the encoder of the target language.
        ground: The two languages, and what the encoders are aligned on.
        joint: A model of both languages, as the upper bound.
        tasks: Tasks whose networks are carried over.
        data: Where the tasks' corpora are.
        how: What is measured, and how maps are fitted.
        seeds: Of the parts that maps are fitted and tested on, and of the networks.
        word: What stands for a word of several word-pieces, in tasks.
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
    found, carried = _find_all(
        {"source": source[1], "target": target[1], "joint": joint[1] if joint else None},
        tasks,
        data or DataSpec(),
        word,
        languages,
    )
    material = ground.read()
    how, left_out = possible(how or Aligning(), ground)
    if left_out:
        note(left_out)
    labels = {"source": source[0], "target": target[0], "joint": joint[0] if joint else ""}
    sides = Sides(**{which: _load(labels[which], one, device) for which, one in found.items()})
    rows: list[dict[str, Any]] = []
    for one in (None, *carried):
        read = None if one is None else one.read(languages)
        scores = aligned_rows(sides, material, how, seeds, data=read, tell=tell, note=note)
        for seed, own in scores.items():
            task = None if one is None else get_task(one.task)
            about = aligned_columns(STUDY, (source[0], target[0]), task, ground.source, seed)
            spec = [labels, {which: checkpoint.digest for which, checkpoint in found.items()}, languages]
            run_id = digest(
                {"version": ALIGNMENT_VERSION, "of": spec, "task": about["task"], "seed": seed}
                | {"how": how.model_dump(mode="json")}
            )
            rows += record_rows(Record(kind="alignment", id=run_id, about=about, scores=own))
    return validate_records(pd.DataFrame(rows), "the records of the alignment")


def _find_all(
    names: Mapping[str, str | None],
    tasks: Sequence[str],
    data: DataSpec,
    word: Word,
    languages: tuple[str, str],
) -> tuple[dict[str, Checkpoint], list[Carried]]:
    """Find encoders and corpora."""
    problems: list[Problem] = []
    found: dict[str, Checkpoint] = {}
    carried: list[Carried] = []
    for which, name in names.items():
        try:
            if name is not None:
                found[which] = find_checkpoint(name)
        except LayerlabError as error:
            problems.append(Problem(which, str(error)))
    for task in tasks:
        try:
            carried.append(Carried.find(task, data, word, languages))
        except LayerlabError as error:
            problems.append(Problem(f"task {task}", str(error)))
    if problems:
        raise StudyError(problems, "the alignment")
    return found, carried


def _load(label: str, checkpoint: Checkpoint, device: str) -> Side:
    encoder = Encoder.from_pretrained(checkpoint.reference)
    encoder.base.to(make_accelerator(device).device)
    return Side(label, encoder, load_tokenizer(checkpoint.reference))
