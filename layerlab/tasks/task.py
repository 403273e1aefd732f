"""What a task is, and the registry of tasks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from layerlab.errors import LabelError, unknown
from layerlab.tasks.counts import Counts

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedTokenizerBase

# Label id of positions that have none; the value that PyTorch's losses leave out.
IGNORED = -100

ENTRY_POINTS = "layerlab.tasks"


@dataclass(frozen=True)
class Score:
    """One number of an evaluation.

    Attributes:
        metric: Name.
        value: A fraction.
        n: What it is over: words, entities or pairs.
        counts: What each sentence, or pair, contributes to the value, in the order of the corpus; None where
            that is not known. Intervals that resample sentences need them.
    """

    metric: str
    value: float
    n: int
    counts: Counts | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Example:
    """One input of the encoder with labels on word-pieces: a sentence, or a window of a long one.

    Attributes:
        input_ids: Word-pieces, special tokens included.
        label_ids: One for each word-piece, -100 where there is no label.
        sentence: Index of the sentence.
        words: For each labelled position, from left to right, the index of the word in its sentence.
    """

    input_ids: tuple[int, ...]
    label_ids: tuple[int, ...]
    sentence: int
    words: tuple[int, ...]


@dataclass(frozen=True)
class Encoded:
    """A corpus as inputs of an encoder.

    Attributes:
        examples: Each has ``input_ids``, as :class:`Example` has; what else it holds is between the task's
            ``encode``, ``collate`` and ``decode``.
        n_words: Words in all.
        n_windowed: Words whose sentence was too long and that stand outside its first window; a parser, which
            has no other window, gets them wrong.
        n_unknown: Words that the tokenizer turns into nothing and that got the unknown token.
        counts: Other numbers that go into the records, by name; a task without words leaves those above at 0.
    """

    examples: tuple[Any, ...]
    n_words: int
    n_windowed: int
    n_unknown: int
    counts: Mapping[str, int] = field(default_factory=dict)


class Task(Protocol):
    """A task: from sentences, or pairs of them, to examples, from the encoder's output to scores.

    Attributes:
        name: As studies call it.
        version: Raised when encoding, head or scores change.
        formats: Formats of its corpora, the preferred one first.
        metric: The score by which the best epoch is chosen.
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

    def label_set(self, sentences: Sequence[Any]) -> tuple[str, ...]:
        """Return the labels that a head trained on these sentences tells apart."""

    def check(self, sentences: Sequence[Any], labels: Sequence[str], where: str) -> None:
        """Raise LabelError if sentences lack the annotation or have labels that the source lacks."""

    def encode(
        self,
        sentences: Sequence[Any],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
    ) -> Encoded:
        """Return examples of at most ``max_length`` word-pieces, special tokens included."""

    def build_head(self, hidden_size: int, n_labels: int, dropout: float) -> nn.Module:
        """Build the head on the last hidden states; draws from PyTorch's global stream."""

    def collate(self, examples: Sequence[Any], pad_id: int) -> dict[str, Tensor]:
        """Return a batch.

        ``input_ids`` and ``attention_mask``, ``(batch, tokens)``, are for the encoder, and so are
        ``token_type_ids`` if it has types; ``labels``, in the form that ``loss`` takes, are kept from the
        model; whatever else there is goes to the head by name.
        """

    def loss(self, output: Any, labels: Tensor) -> Tensor:
        """Return the summed loss over labelled words, a float32 scalar."""

    def n_targets(self, batch: dict[str, Tensor]) -> int:
        """Return how many terms the loss of a batch sums."""

    def decode(self, output: Any, batch: dict[str, Tensor], examples: Sequence[Any]) -> list[Any]:
        """Return predictions, each naming its sentence and word."""

    def score(self, sentences: Sequence[Any], labels: Sequence[str], decoded: Sequence[Any]) -> list[Score]:
        """Return the scores of the predictions of a whole corpus, with ``counts`` where they are sums."""


_TASKS: dict[str, Task] = {}

T = TypeVar("T", bound=Callable[[], Any])


def register_task(task: Task) -> None:
    """Make a task known under its name."""
    _TASKS[task.name] = task


def task(name: str) -> Callable[[T], T]:
    """Register a task's class, which is called without arguments, or a function that returns a task.

    Packages can do this with an entry point of the group ``layerlab.tasks`` that names the class.

    >>> @task("shouting")
    ... class Shouting:
    ...     name = "shouting"
    >>> "shouting" in known_tasks()
    True
    """

    def register(make: T) -> T:
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
    _load_tasks()
    if name not in _TASKS:
        raise LabelError(unknown("task", name, _TASKS))
    return _TASKS[name]


def known_tasks() -> tuple[str, ...]:
    """Return the names of all tasks."""
    _load_tasks()
    return tuple(sorted(_TASKS))


@functools.cache
def _load_tasks() -> None:
    from layerlab.tasks import pairs, parsing, tagging  # noqa: F401 - they register their tasks

    for entry_point in entry_points(group=ENTRY_POINTS):
        if entry_point.name not in _TASKS:
            register_task(entry_point.load()())
