"""An alignment: two encoders that were trained independently, as a node of a study.

A study asks for it with ``nodes: {alignment: {encoders: {en: en.yaml, fr: fr.yaml}, joint: both.yaml}}``:
for each pair of a source with a target and each seed one node, and one for each task that is carried over.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from layerlab.analysis.stored.record import Record
from layerlab.data.bitext import TextForm
from layerlab.errors import Problem, StudyError, unknown
from layerlab.measures.alignment.options import ALIGNMENT_VERSION, Aligning
from layerlab.names import ALIGNED
from layerlab.nodes.facts import Facts
from layerlab.nodes.identity import digest
from layerlab.nodes.kinds.alignment.carried import Carried
from layerlab.nodes.kinds.alignment.ground import Ground, find_ground
from layerlab.nodes.kinds.alignment.member import Member, find_member
from layerlab.nodes.kinds.fields import columns_beside, read_node
from layerlab.nodes.kinds.places import read_options
from layerlab.nodes.node import Node, Work, node
from layerlab.targets import is_own
from layerlab.tasks.task import Task, get_task
from layerlab.validation import Names


class AlignmentFacts(Facts):
    """What an alignment notes of itself.

    Attributes:
        notes: What a reader of the results should know.
    """

    notes: tuple[str, ...] = ()


class AlignmentOptions(BaseModel):
    """What a study says of its alignments.

    Attributes:
        encoders: Language to its encoder: a folder, a Hub id, a pretraining spec, or one of the study's
            ``pretrainings``. A target without one is not aligned.
        joint: An encoder of all languages, as the upper bound; or of the source and each target, by target.
        parallel: Parallel sentences, as in ``measures``; by default controlled ones, or ``pud``.
        dictionaries: Two languages, as in ``en-fr``, to the file of their dictionary.
        links: Two languages to the file of the word alignments of their parallel sentences.
        text: What of parallel treebanks is read of a sentence as a whole: ``raw`` or ``words``.
        tasks: Tasks whose networks are carried over; the study's by default.
        how: What is measured, and how maps are fitted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoders: Mapping[str, str] = Field(min_length=2)
    joint: str | Mapping[str, str] | None = None
    parallel: str | None = None
    dictionaries: Mapping[str, Path] = Field(default_factory=dict)
    links: Mapping[str, Path] = Field(default_factory=dict)
    text: TextForm = "raw"
    tasks: Names | None = None
    how: Aligning = Field(default_factory=Aligning)

    def joint_of(self, target: str) -> str | None:
        """Return the encoder of the source and a target, if there is one."""
        return self.joint.get(target) if isinstance(self.joint, Mapping) else self.joint

    @property
    def names(self) -> tuple[str, ...]:
        """All encoders, each once."""
        joint = tuple(self.joint.values()) if isinstance(self.joint, Mapping) else (self.joint,)
        return tuple(dict.fromkeys(filter(None, (*self.encoders.values(), *joint))))


@node
class Alignment(BaseModel):
    """Two encoders that are aligned, on a pair of languages.

    Attributes:
        source: Reads the source language.
        target: Reads the target language.
        joint: Reads both, as the upper bound.
        ground: What they are aligned on.
        carried: The task whose network is carried over; None where retrieval and CKA are measured.
        how: What is measured, and how maps are fitted.
        seed: Of the parts, and of networks.
        columns: The record's columns that name it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str] = "alignment"
    removable: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[bool] = False
    scored: ClassVar[bool] = True

    source: Member
    target: Member
    joint: Member | None
    ground: Ground
    carried: Carried | None
    how: Aligning
    seed: int
    columns: Mapping[str, Any]

    @property
    def members(self) -> tuple[Member, ...]:
        """All encoders."""
        return (self.source, self.target, *((self.joint,) if self.joint is not None else ()))

    @property
    def id(self) -> str:
        """The alignment's identity."""
        how = self.how.model_dump(mode="json", exclude={"training": {"keep_gib"}})
        carried = None if self.carried is None else self.carried.model_dump(mode="json", exclude={"data"})
        return digest(
            {
                "kind": self.kind,
                "version": ALIGNMENT_VERSION,
                "encoders": [one.checkpoint for one in self.members],
                "languages": [self.ground.source, self.ground.target],
                "ground": self.ground.digest,
                "task": carried,
                "how": how,
                "seed": self.seed,
            }
        )

    @property
    def needs(self) -> tuple[str, ...]:
        """The pretrainings that give the encoders."""
        return tuple(dict.fromkeys(one.pretraining for one in self.members if one.pretraining is not None))

    @property
    def title(self) -> str:
        """One line for progress and messages."""
        task = "" if self.carried is None else f" {self.carried.task}"
        languages = f"{self.ground.source}-{self.ground.target}"
        return f"alignment {self.source.label} {self.target.label}{task} {languages} seed {self.seed}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the store."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Alignment:
        """Read plain values of the store back."""
        return read_node(cls, plain)

    @classmethod
    def plan(cls, options: Any, study: Any, nodes: Sequence[Node]) -> Iterator[Node]:
        """Yield the pretrainings of the encoders, and the alignments of every pair of languages and seed.

        Raises:
            StudyError: The options make no sense.
            DataError: There is no material.
            CheckpointError: There is no such encoder.
        """
        read = read_options(AlignmentOptions, options, cls.kind)
        members: dict[tuple[str, int], Member] = {}
        for name in read.names:
            for seed in study.seeds:
                members[name, seed], made = find_member(name, study, seed)
                if made is not None:
                    yield made
        for source, target in _pairs(study, read):
            yield from _alignments(read, study, members, (source, target))

    def execute(self, work: Work) -> None:
        """Align the encoders.

        Raises:
            DataError: A corpus or the material is not what it was when the plan was made.
            CheckpointError: An encoder is not.
        """
        from layerlab.nodes.kinds.alignment.rows import Sides, aligned_rows

        started = time.monotonic()
        languages = self.ground.source, self.ground.target
        ((ours,), (theirs,)) = self.source.load(work, languages[0]), self.target.load(work, languages[1])
        both = None if self.joint is None else self.joint.load(work, *languages)
        sides = Sides(ours, theirs, None if both is None else (both[0], both[1]))
        notes: list[str] = []
        rows = aligned_rows(
            sides,
            self.ground.read(),
            self.how,
            (self.seed,),
            data=None if self.carried is None else self.carried.read(languages),
            tell=lambda text: work.report({"event": "aligning", "message": text}),
            note=notes.append,
        )
        facts = AlignmentFacts.gather(
            work.settings.device, time.monotonic() - started, notes=tuple(dict.fromkeys(notes))
        )
        record = Record(
            kind=self.kind,
            id=self.id,
            about={**self.columns, "run_id": self.id},
            facts=facts.model_dump(),
            scores=rows[self.seed],
        )
        with work.publish(self) as folder:
            record.write(folder)


def aligned_columns(
    study: str, labels: tuple[str, str], task: Task | None, source: str, seed: int
) -> dict[str, Any]:
    """Return the columns of records that name an alignment.

    ``model`` is the source's encoder and ``donor`` the target's; each row says in ``intervention`` what the
    states went through.
    """
    named: dict[str, Any] = {"study": study, "model": labels[0], "donor": labels[1], "source": source}
    named |= {"task": task.name if task else "", "seed": seed}
    return columns_beside(named, ALIGNED, task.metric if task else "")


def possible(how: Aligning, ground: Ground) -> tuple[Aligning, str]:
    """Return what can be measured, and a note of what cannot: words need a dictionary.

    Where a user asks for words, the lack is an error when they are read.
    """
    lacking = ground.controlled is None and ground.dictionary is None
    if lacking and "word" in how.units and "units" not in how.model_fields_set:
        units = tuple(unit for unit in how.units if unit != "word")
        return how.model_copy(update={"units": units}), "words alone are left out: no dictionary is given"
    return how, ""


def _pairs(study: Any, read: AlignmentOptions) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a source with another target that both have an encoder."""
    pairs = [
        (source, target)
        for source in study.sources
        for target in study.targets_for(source)
        if not is_own(target, source)
    ]
    known = dict.fromkeys(language for pair in pairs for language in pair)
    told = [unknown("language", language, known) for language in read.encoders if language not in known]
    chosen = [pair for pair in pairs if set(pair) <= set(read.encoders)]
    if not told and not chosen:
        told = [f"got {', '.join(read.encoders)}; expected a source and a target of it: {_listed(pairs)}"]
    if told:
        raise StudyError([Problem("nodes.alignment.encoders", "; ".join(told))], "nodes.alignment")
    yield from chosen


def _listed(pairs: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{source} with {target}" for source, target in pairs) or "the study has none"


def _alignments(
    read: AlignmentOptions,
    study: Any,
    members: Mapping[tuple[str, int], Member],
    languages: tuple[str, str],
) -> Iterator[Alignment]:
    """Yield the alignments of one pair of languages."""
    source, target = languages
    pair, joint = f"{source}-{target}", read.joint_of(target)
    for task in (None, *(study.tasks if read.tasks is None else read.tasks)):
        data = study.data_for(task or study.tasks[0])
        ground = find_ground(
            source, target, data, read.how.sentences,
            parallel=read.parallel, dictionary=read.dictionaries.get(pair), links=read.links.get(pair),
            text=read.text,
        ).identified()  # fmt: skip
        how, _ = possible(read.how, ground)
        carried = None if task is None else Carried.find(task, data, study.word, languages)
        for seed in study.seeds:
            ours, theirs = (members[read.encoders[one], seed] for one in languages)
            both = None if joint is None else members[joint, seed]
            ours.check_speaks(source)
            theirs.check_speaks(target)
            if both is not None:
                both.check_speaks(*languages)
            known = None if task is None else get_task(task)
            yield Alignment(
                source=ours,
                target=theirs,
                joint=both,
                ground=ground,
                carried=carried,
                how=how,
                seed=seed,
                columns=aligned_columns(study.name, (ours.label, theirs.label), known, source, seed),
            )
