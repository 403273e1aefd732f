"""Whether encoders can read the corpora of a study, looked at before time is spent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layerlab.data.catalog.corpus import CorpusRef
from layerlab.data.pairs import PAIR_FORMATS
from layerlab.errors import LayerlabError
from layerlab.models.checkpoints import Checkpoint
from layerlab.models.pieces import special_tokens
from layerlab.models.tokenizers import find_tokenizer
from layerlab.study.findings import Expansion
from layerlab.tasks.corpora import empty_words, read_corpus, unknown_words


def check_vocabularies(state: Expansion, checkpoints: Iterable[Checkpoint]) -> None:
    """Check tokenizers against embeddings and corpora.

    A source of which nearly all words are unknown to an encoder is a mistake, a target is noted. Tokenizers
    that would have to be downloaded, or whose pretraining is yet to come, are left out.
    """
    corpora = list(state.corpora.values())
    for checkpoint in checkpoints:
        if checkpoint.name in state.pretrainings:
            continue
        path = f"models[{list(state.study.models).index(checkpoint.name)}]"
        try:
            tokenizer = find_tokenizer(checkpoint.reference)
            if tokenizer is None:
                continue
            if any(ref is not None and not set(PAIR_FORMATS) & set(ref.formats) for ref in corpora):
                special_tokens(tokenizer)  # which sentences stand between
            for ref in filter(None, dict.fromkeys(corpora)):
                told = _unknown_words(ref, tokenizer, checkpoint.name)
                if told and ref.split == "test":
                    state.notes[told] = None
                elif told:
                    state.note(path, told)
                if state.study.word == "first" and (told := _empty_words(ref, tokenizer, checkpoint.name)):
                    state.notes[told] = None
        except LayerlabError as error:
            state.note(path, error)


def _unknown_words(ref: CorpusRef, tokenizer: Any, reader: str) -> str | None:
    try:
        corpus = read_corpus(ref)
    except LayerlabError:
        return None  # noted where corpora are read
    return unknown_words(corpus, tokenizer, reader)


def _empty_words(ref: CorpusRef, tokenizer: Any, reader: str) -> str | None:
    try:
        corpus = read_corpus(ref)
    except LayerlabError:
        return None
    return empty_words(corpus, tokenizer, reader)
