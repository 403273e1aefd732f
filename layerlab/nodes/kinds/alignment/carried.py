"""The task whose network is carried from one encoder to another, with its corpora."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from layerlab.data.catalog.corpus import find_corpus
from layerlab.data.spec import DataSpec
from layerlab.nodes.kinds.training.origin import read_planned
from layerlab.tasks.task import get_task
from layerlab.tasks.words import DEFAULT_WORD, Word

if TYPE_CHECKING:
    from layerlab.measures.alignment.transfer import TaskData


class Carried(BaseModel):
    """A task whose network is carried over.

    Attributes:
        task: Its name.
        version: Raised when its encoding, head or scores change.
        train: Digest of the source's training split.
        tests: Digests of the test splits of source and target.
        data: Where the corpora are.
        word: What stands for a word of several word-pieces.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    version: int
    train: str
    tests: tuple[str, str]
    data: DataSpec
    word: Word = DEFAULT_WORD

    @classmethod
    def find(cls, task: str, data: DataSpec, word: Word, languages: tuple[str, str]) -> Carried:
        """Find the corpora of a task.

        Raises:
            LabelError: There is no such task.
            DataError: A corpus is not there.
        """
        known, source = get_task(task), languages[0]
        tests = [find_corpus(data, task, known.formats, one, "test").digest for one in languages]
        train = find_corpus(data, task, known.formats, source, "train").digest
        return cls(
            task=task,
            version=known.version,
            train=train,
            tests=(tests[0], tests[1]),
            data=data.resolved(),
            word=word,
        )

    def read(self, languages: tuple[str, str]) -> TaskData:
        """Read the corpora.

        Raises:
            DataError: One is not what it was when the plan was made.
        """
        from layerlab.measures.alignment.transfer import TaskData

        task = get_task(self.task)

        def read(language: str, split: str, planned: str) -> Any:
            return read_planned(find_corpus(self.data, task.name, task.formats, language, split), planned)

        tests = [read(one, "test", planned) for one, planned in zip(languages, self.tests, strict=True)]
        train = read(languages[0], "train", self.train)
        return TaskData(task, self.word, train, (tests[0], tests[1]))
