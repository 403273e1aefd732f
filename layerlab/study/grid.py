"""A study: the grid of models, ablations, tasks, sources, targets and seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    field_validator,
    model_validator,
)

from layerlab.ablation.ablation import Ablation
from layerlab.ablation.sweep import Sweep
from layerlab.ablation.written import read_ablation
from layerlab.config import MOST_INTEGER
from layerlab.data.catalog.corpus import DataSpec
from layerlab.errors import unknown
from layerlab.finetuning.every import Every, read_every
from layerlab.finetuning.training import Training
from layerlab.measures.options import Measures, short_form
from layerlab.study.pretrained import Pretrained, name_of_model, split_step, with_models
from layerlab.targets import misnamed_source, sources_of
from layerlab.tasks.words import DEFAULT_WORD, Word
from layerlab.tracking.choice import Tracker
from layerlab.validation import Names

if TYPE_CHECKING:
    Ablations = Sequence[Ablation | Sweep]
    Data = DataSpec | Mapping[str, Any]
    Trainings = Training | Mapping[str, Any]
else:
    Ablations = tuple[
        Annotated[InstanceOf[Ablation] | InstanceOf[Sweep], BeforeValidator(read_ablation)], ...
    ]
    Data = DataSpec | dict[str, DataSpec]
    Trainings = Training | dict[str, Training]

T = TypeVar("T", bound=BaseModel)
#: Characters of a study's name: with what is written around it, the name of a file holds 255.
LONGEST_NAME: Final = 200
# Any sequence may be given; a tuple is kept, since a study is a value.
# Seeds fit in 64 bits, as those of generators and the integers of tables do.
Seeds = Annotated[Sequence[Annotated[int, Field(ge=-MOST_INTEGER, lt=MOST_INTEGER)]], AfterValidator(tuple)]


class Grid(BaseModel):
    """What is ablated, in which models, on which tasks and languages, with which seeds.

    Attributes:
        name: Names the results directory; letters, digits, ``.``, ``_`` and ``-``.
        description: One sentence on the question; changes no identity.
        models: Folders or Hub ids, optionally ``id@revision``; or pretraining specs (YAML files, also written
            ``{pretraining: spec.yaml}``), whose encoders are made first; or names of ``pretrainings``, which
            are all that there are by default. ``name@1000``, or ``{pretraining: spec.yaml, step: 1000}``, is
            the encoder after a step.
        pretrainings: Models by name that the study pretrains: a spec, what is set in it, and the seed.
        tasks: Names of tasks.
        data: Where corpora are; one for all tasks, or one for each task by name.
        sources: Languages to fine-tune on; ``en+fr`` is one fit on both, see ``training.mixing``.
        targets: Languages, or treebanks of them such as ``en:GUM``, to evaluate on; the source itself is
            always evaluated too.
        seeds: Seeds; every ablation is paired with the baseline of the same seed.
        ablations: Ablations and sweeps; without the baseline ``none`` no effect can be computed.
        training: Hyper-parameters; one set for all tasks, or one for each task by name.
        trajectory: When the scores on source dev and on every target are recorded while a fit trains: at the
            end of each epoch (``epochs``), or after every so many steps too (``{steps: 100}``); None for
            never. It changes no number and no identity of fits and runs, and no choice of an epoch.
        word: What stands for a word of several word-pieces, in tagging, parsing and probes:
            ``first-content``, the first one that is no bare space mark; ``first``; ``last``; or ``mean``.
        measures: What is measured beside scores, such as ``[cka, retrieval, change]``; None for nothing.
        nodes: Nodes of kinds that users register, by kind, with the options that the kind's ``plan`` takes.
        keep: Which fits keep their weights on the disk: ``needed``, those that other fits or runs take
            weights from, or nodes of users' kinds read; ``all``; or ``none``. Weights that something in the
            plan waits for are there until it is complete. Changes no identity.
        report_to: Trackers that are shown losses, scores on source dev, receipts of interventions, final
            scores and the report's figures while the study runs: ``tensorboard``, ``wandb``, ``mlflow``. Each
            fit is one run there. Changes no identity.
        imports: Modules to import first, which register tasks, interventions, architectures or corpora.

    Raises:
        ValidationError: A field is missing, misspelt or of the wrong kind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=LONGEST_NAME)
    description: str = ""
    models: Names = Field(min_length=1)
    tasks: Names = Field(min_length=1)
    data: Data = Field(default_factory=DataSpec)
    sources: Names = Field(min_length=1)
    targets: Names = ()
    seeds: Seeds = Field(default=(0,), min_length=1)
    ablations: Ablations = Field(default_factory=lambda: (Ablation.none(),), min_length=1)
    training: Trainings = Field(default_factory=Training)
    trajectory: Every | None = None
    word: Word = DEFAULT_WORD
    measures: Measures | None = None
    pretrainings: Mapping[str, Pretrained] = Field(default_factory=dict)
    nodes: Mapping[str, Any] = Field(default_factory=dict)
    keep: Literal["needed", "all", "none"] = "needed"
    report_to: Annotated[Sequence[Tracker], AfterValidator(tuple)] = ()
    imports: Names = ()

    @model_validator(mode="after")
    def _pretrainings_name_what_there_is(self) -> Grid:
        for name, asked in self.pretrainings.items():
            for target in asked.targets:
                if target not in self.targets:
                    raise ValueError(f"pretrainings.{name}: {unknown('target', target, self.targets)}")
            others = [other for other in self.pretrainings if other != name]
            if asked.against is not None and asked.against not in others:
                raise ValueError(f"pretrainings.{name}: {unknown('pretraining', asked.against, others)}")
        return self

    @field_validator("models", "tasks", "sources", "targets", "report_to", "imports", mode="before")
    @classmethod
    def _allow_one(cls, value: Any) -> Any:
        if isinstance(value, str | Path):
            return (str(value),)
        if isinstance(value, Mapping):
            return (name_of_model(value),)
        if isinstance(value, Sequence):
            return [str(item) if isinstance(item, Path) else name_of_model(item) for item in value]
        return value

    @field_validator("measures", mode="before")
    @classmethod
    def _allow_names_alone(cls, value: Any) -> Any:
        if not isinstance(value, Measures | Mapping | str | Sequence | None):
            raise ValueError("expected names of measures, or a mapping with `names`")
        return short_form(value)

    @field_validator("trajectory", mode="before")
    @classmethod
    def _say_which_times_there_are(cls, value: Any) -> Any:
        return read_every(value)

    @model_validator(mode="before")
    @classmethod
    def _pretrainings_are_models(cls, value: Any) -> Any:
        return with_models(value)

    @field_validator("models", "tasks", "sources", "targets", "seeds", "report_to")
    @classmethod
    def _refuse_repeats(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        twice = sorted({str(item) for item in value if value.count(item) > 1})
        if twice:
            raise ValueError(f"listed twice: {', '.join(twice)}")
        return value

    @field_validator("sources")
    @classmethod
    def _check_sources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = next(filter(None, map(misnamed_source, value)), "")
        if wrong:
            raise ValueError(wrong)
        known: dict[frozenset[str], str] = {}
        for source in value:
            same = known.setdefault(frozenset(sources_of(source)), source)
            if same != source:
                raise ValueError(f"sources {same} and {source} are the same; keep one of them")
        return value

    def data_for(self, task: str) -> DataSpec:
        """Return where a task's corpora are."""
        return _of_task(self.data, DataSpec, task)

    def training_for(self, task: str) -> Training:
        """Return a task's hyper-parameters."""
        return _of_task(self.training, Training, task)

    def targets_for(self, source: str, model: str = "") -> tuple[str, ...]:
        """Return the languages a source's runs are evaluated on, those of the source first.

        A model that is pretrained for some languages is evaluated on those alone.
        """
        own = sources_of(source)
        asked = self.pretrainings.get(split_step(model)[0])
        wanted = self.targets if asked is None or not asked.targets else asked.targets
        return (*own, *(target for target in self.targets if target not in own and target in wanted))


def _of_task(given: T | Mapping[str, Any], kind: type[T], task: str) -> T:
    """Return what is given for all tasks, or for one of them by name; without that the default."""
    if not isinstance(given, Mapping):
        return given
    found: T = given.get(task, kind())
    return found


def baseline_is_missing(ablations: Iterable[Ablation | Sweep]) -> bool:
    """Return whether no ablation of a study is the baseline."""
    return not any(isinstance(ablation, Ablation) and ablation.kind == "none" for ablation in ablations)
