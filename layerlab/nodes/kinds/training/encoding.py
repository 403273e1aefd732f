"""Tokenizers and encoded corpora, each made once for all nodes that a worker carries out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from layerlab.data.catalog.corpus import CorpusRef, DataSpec, find_corpus
from layerlab.data.sentences import joined
from layerlab.models.by_language.tokenizers import copy_tokenizers
from layerlab.models.tokenizers import Tokenizers, load_tokenizers
from layerlab.nodes.kept import Kept
from layerlab.nodes.kinds.training.origin import Origin, read_planned
from layerlab.nodes.node import Work
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus, join_corpora
from layerlab.tasks.task import Task
from layerlab.training.shortcuts.shortcut import Taken

NAME: Final = "encoded-corpora"
# About what a word-piece of an example takes in memory, and an entry of a tokenizer, in bytes.
_PIECE, _ENTRY = 60, 1000


class Encoding:
    """Encodes corpora for the encoder of one origin.

    Attributes:
        origin: The checkpoint; its digest says which tokenizers it has.
        location: Where it or a fit of it is.
        tokenizers: One for all languages, or one each.
        n_taken: Corpora that were encoded before, for another node, since the last note.
    """

    def __init__(self, origin: Origin, location: str, revision: str | None, work: Work) -> None:
        """Load the tokenizers of an origin, unless they were loaded before.

        Args:
            origin: The checkpoint.
            location: Where it or a fit of it is.
            revision: Commit of a Hub model.
            work: Says what the worker keeps, and whether it may.
        """
        self.origin, self.location = origin, location
        self.n_taken = 0
        self._kept = work.corpora if NAME in work.settings.shortcuts else Kept(room=0)
        self.tokenizers: Tokenizers = self._kept.get(
            ("tokenizer", origin),
            lambda: load_tokenizers(location, revision),
            lambda found: _ENTRY * len(found.common) * max(1, len(found.own)),
        )

    def tokenizer_of(self, language: str) -> Any:
        """Return the tokenizer that reads a language.

        Raises:
            CheckpointError: The encoder's languages have their own, and this one has none.
        """
        return self.tokenizers.of(language)

    def save(self, folder: Path) -> None:
        """Write the tokenizers beside an encoder."""
        self.tokenizers.common.save_pretrained(folder)
        if self.tokenizers.own:
            copy_tokenizers(self.location, folder)

    def encode(
        self, task: Task, ref: CorpusRef, planned: str, labels: tuple[str, ...], length: int
    ) -> EncodedCorpus:
        """Return an encoded corpus, if it is still the one of the plan.

        Args:
            task: Encodes it.
            ref: The corpus.
            planned: Its digest in the plan.
            labels: Of the head.
            length: Longest input in word-pieces.

        Raises:
            DataError: The corpus has changed.
        """
        how = (task.name, task.version, getattr(task, "word", None))
        key = ("corpus", ref, planned, *how, labels, self.origin, length)
        self.n_taken += key in self._kept

        def make() -> EncodedCorpus:
            return encode_corpus(
                task, read_planned(ref, planned), labels, self.tokenizer_of(ref.language), length
            )

        return self._kept.get(key, make, _size)

    def encode_source(
        self, task: Task, data: DataSpec, planned: Mapping[str, Mapping[str, str]], length: int
    ) -> tuple[dict[str, EncodedCorpus], tuple[str, ...]]:
        """Return the encoded splits of a source, those of several languages joined, and the head's labels.

        Args:
            task: Encodes them.
            data: Where the corpora are.
            planned: By split and language the digest in the plan.
            length: Longest input in word-pieces.

        Raises:
            DataError: A corpus has changed.
        """
        found = {
            split: {
                language: (find_corpus(data, task.name, task.formats, language, split), digest)
                for language, digest in digests.items()
            }
            for split, digests in planned.items()
        }
        labels = task.label_set(joined([read_planned(*one) for one in found["train"].values()]).sentences)
        corpora = {}
        for split, refs in found.items():
            parts = {name: self.encode(task, *one, labels, length) for name, one in refs.items()}
            corpora[split] = join_corpora(parts)
        return corpora, labels

    def note(self, taken: Taken) -> None:
        """Note how many corpora were in memory since the last note, if any were."""
        if self.n_taken:
            taken.note(NAME, f"{self.n_taken} corpora were in memory")
        self.n_taken = 0


def _size(corpus: EncodedCorpus) -> int:
    return _PIECE * sum(len(example.input_ids) for example in corpus.encoded.examples)
