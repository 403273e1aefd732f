"""What a task is, and the registry of tasks.

The built-in tasks register themselves when :mod:`layerlab.tasks` is imported, which comes before this module.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from typing_extensions import TypeVar

from layerlab.errors import LabelError, unknown
from layerlab.names import register_name
from layerlab.tasks.encoding.examples import IGNORED, Encoded, EncoderInput, Example
from layerlab.tasks.metrics.score import Score

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedTokenizerBase

__all__ = [
    "IGNORED", "Encoded", "EncoderInput", "Example", "HeadInput", "Score", "Task", "get_task", "head_input",
    "known_tasks", "register_task", "task",
]  # fmt: skip

ENTRY_POINTS = "layerlab.tasks"

#: Which states of an example a head reads: all, that of the first token, or those that carry a label.
HeadInput = Literal["all", "first", "labelled"]
Batch = dict[str, "Tensor"]

SentenceT = TypeVar("SentenceT", contravariant=True, default=Any)
ExampleT = TypeVar("ExampleT", bound=EncoderInput, default=Any)
PredictionT = TypeVar("PredictionT", default=Any)


class Task(Protocol[SentenceT, ExampleT, PredictionT]):
    """A task: from sentences, or pairs of them, to examples, from the encoder's output to scores.

    ``Task[Sentence, Example, Prediction]`` says what the corpus, the encoder's inputs and the predictions are
    made of; each may be anything. A task may have more attributes:

    - ``head_input``: Which states its head reads, so that a probe keeps no others. ``all`` (the default);
      ``first``, that of the first token, the head taking ``states[:, 0]``; or ``labelled``, those where
      ``labels`` of shape ``(batch, tokens)`` are not -100, the head working on each alone.
    - ``metrics``: Names of all scores that it gives, so that a plan knows by which an epoch can be chosen.
    - ``title``: What reports call it; its name by default. Its metrics are named with
      :func:`layerlab.names.register_name`.
    """

    # Properties, so that a frozen dataclass or class attributes serve as well.
    @property
    def name(self) -> str:
        """As studies call it."""

    @property
    def version(self) -> int:
        """Raised when encoding, head or scores change."""

    @property
    def formats(self) -> tuple[str, ...]:
        """Formats of its corpora, the preferred one first."""

    @property
    def metric(self) -> str:
        """The score by which the best epoch is chosen."""

    def label_set(self, sentences: Sequence[SentenceT]) -> tuple[str, ...]:
        """Return the classes of a head that is trained on these sentences."""

    def check(self, sentences: Sequence[SentenceT], labels: Sequence[str], where: str) -> None:
        """Raise LabelError if sentences lack the annotation or have labels that the source lacks."""

    def encode(
        self,
        sentences: Sequence[SentenceT],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
    ) -> Encoded[ExampleT]:
        """Return examples of at most ``max_length`` word-pieces, special tokens included."""

    def build_head(self, hidden_size: int, n_labels: int, dropout: float) -> nn.Module:
        """Build the head on the last hidden states; draws from PyTorch's global stream."""

    def collate(self, examples: Sequence[ExampleT], pad_id: int) -> Batch:
        """Return a batch.

        ``input_ids`` and ``attention_mask``, ``(batch, tokens)``, are for the encoder, and so are
        ``token_type_ids`` if it has types; ``labels``, in the form that ``loss`` takes, are kept from the
        model; whatever else there is goes to the head by name.
        """

    def loss(self, output: Any, labels: Tensor) -> Tensor:
        """Return the summed loss over labelled words, a float32 scalar."""

    def n_targets(self, batch: Batch) -> int:
        """Return how many terms the loss of a batch sums."""

    def decode(self, output: Any, batch: Batch, examples: Sequence[ExampleT]) -> list[PredictionT]:
        """Return predictions, each naming its sentence and word."""

    def score(
        self, sentences: Sequence[SentenceT], labels: Sequence[str], decoded: Sequence[PredictionT]
    ) -> list[Score]:
        """Return the scores of the predictions of a whole corpus, with ``counts`` where they are sums."""


_TASKS: dict[str, Task] = {}

MakeT = TypeVar("MakeT", bound=Callable[[], Any])


def register_task(task: Task) -> None:
    """Make a task known under its name.

    Raises:
        LabelError: Its ``head_input`` is none of those that there are.
    """
    head_input(task)
    if title := getattr(task, "title", ""):
        register_name("task", task.name, title)
    _TASKS[task.name] = task


def head_input(task: Task) -> HeadInput:
    """Return which states a task's head reads; all, if the task does not say.

    Raises:
        LabelError: It says something else.
    """
    reads: HeadInput = getattr(task, "head_input", "all")
    if reads not in get_args(HeadInput):
        raise LabelError(unknown(f"head_input of task {task.name!r}", reads, get_args(HeadInput)))
    return reads


def task(name: str) -> Callable[[MakeT], MakeT]:
    """Register a task's class, which is called without arguments, or a function that returns a task.

    Packages can do this with an entry point of the group ``layerlab.tasks`` that names the class.

    >>> @task("shouting")
    ... class Shouting:
    ...     name = "shouting"
    >>> "shouting" in known_tasks()
    True
    """

    def register(make: MakeT) -> MakeT:
        made = make()
        if made.name != name:
            raise LabelError(f"task registered as {name!r} calls itself {made.name!r}")
        register_task(made)
        return make

    return register


def get_task(name: str) -> Task:
    """Return a task by name.

    Raises:
        LabelError: There is no such task; says which there are.
    """
    _load_packages()
    if name not in _TASKS:
        raise LabelError(unknown("task", name, _TASKS))
    return _TASKS[name]


def known_tasks() -> tuple[str, ...]:
    """Return the names of all tasks."""
    _load_packages()
    return tuple(sorted(_TASKS))


@functools.cache
def _load_packages() -> None:
    """Let installed packages register theirs, once."""
    for entry_point in entry_points(group=ENTRY_POINTS):
        if entry_point.name not in _TASKS:
            register_task(entry_point.load()())
