"""A task model on the invented treebanks, and the corpora it is fine-tuned on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from layerlab.data.catalog import DataSpec, find_corpus, load_corpus
from layerlab.finetuning.model import TaskModel, build_task_model
from layerlab.models.encoder import Encoder
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus
from layerlab.tasks.task import Task, get_task


@pytest.fixture(scope="session")
def upos() -> Task:
    """The UPOS task."""
    return get_task("upos")


@pytest.fixture(scope="session")
def corpora(treebanks: Path, tiny_encoder: Path, upos: Task) -> dict[str, EncodedCorpus]:
    """Train and dev of language aa, encoded."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    spec = DataSpec(root=treebanks)
    read = {s: load_corpus(find_corpus(spec, "upos", upos.formats, "aa", s)) for s in ("train", "dev")}
    labels = upos.label_set(read["train"].sentences)
    return {split: encode_corpus(upos, corpus, labels, tokenizer, 32) for split, corpus in read.items()}


@pytest.fixture
def make_model(tiny_encoder: Path, upos: Task, corpora: dict[str, EncodedCorpus]) -> Callable[..., TaskModel]:
    """A function that loads the tiny encoder and puts a UPOS head on it."""

    def make(seed: int = 0, dropout: float = 0.1) -> TaskModel:
        encoder = Encoder.from_pretrained(str(tiny_encoder))
        return build_task_model(encoder, upos, len(corpora["train"].labels), dropout, seed)

    return make
