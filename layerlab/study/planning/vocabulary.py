"""Whether encoders can read the corpora of a study, looked at before time is spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from layerlab.data.catalog.corpus import CorpusRef
from layerlab.data.pairs import PAIR_FORMATS
from layerlab.errors import LayerlabError
from layerlab.models.by_language.manifest import language_for
from layerlab.models.checkpoints import Checkpoint
from layerlab.models.pieces import special_tokens
from layerlab.models.stored.remembered import recall, remembered
from layerlab.models.tokenizers import find_tokenizers
from layerlab.pretraining.factors.abilities import Tokenizing
from layerlab.study.planning.findings import Expansion
from layerlab.tasks.corpora import empty_words, read_corpus, unknown_words


def check_vocabularies(state: Expansion, checkpoints: Iterable[Checkpoint]) -> None:
    """Check tokenizers against embeddings and corpora.

    A source of which nearly all words are unknown to an encoder is a mistake, a target is noted. Tokenizers
    that would have to be downloaded, or whose pretraining is yet to come, are left out.
    """
    refs = list(filter(None, dict.fromkeys(state.corpora.values())))
    for checkpoint in checkpoints:
        if checkpoint.name in state.pretrainings.specs:
            _check_languages(state, checkpoint.name, refs)
            continue
        path = f"models[{list(state.study.models).index(checkpoint.name)}]"
        try:
            for ref, told in _look(state, checkpoint, refs):
                unknown, empty = told.get("unknown"), told.get("empty")
                if unknown and ref.split == "test":
                    state.notes[unknown] = None
                elif unknown:
                    state.note(path, unknown)
                if empty:
                    state.notes[empty] = None
        except LayerlabError as error:
            state.note(path, error)


def _check_languages(state: Expansion, name: str, refs: Sequence[CorpusRef]) -> None:
    """Note languages that an encoder to be pretrained, with a tokenizer for each language, cannot read."""
    around = state.pretrainings.specs[name].surroundings()
    if not any(isinstance(factor, Tokenizing) for factor in around.factors.values()):
        return
    read = {target for source in state.study.sources for target in state.study.targets_for(source, name)}
    for language in dict.fromkeys(ref.language for ref in refs if ref.language in read):
        try:
            language_for(language, around.languages, name)
        except LayerlabError as error:
            state.note(f"models[{list(state.study.models).index(name)}]", error)


def _look(
    state: Expansion, checkpoint: Checkpoint, refs: Sequence[CorpusRef]
) -> Sequence[tuple[CorpusRef, Mapping[str, Any]]]:
    """Return what there is to say of each corpus; the tokenizer is loaded unless all of it is remembered."""
    kind = "first-words" if state.study.word == "first" else "words"
    keys = {
        ref: f"{checkpoint.digest} {ref.digest} {checkpoint.name} {ref.where} {ref.formats}" for ref in refs
    }
    known = [(ref, recall(kind, keys[ref])) for ref in refs]
    told = [(ref, one) for ref, one in known if one is not None]
    if refs and len(told) == len(refs):
        return told
    tokenizers = find_tokenizers(checkpoint.reference)
    if tokenizers is None:
        return []
    if any(not set(PAIR_FORMATS) & set(ref.formats) for ref in refs):
        special_tokens(tokenizers.common)  # which sentences stand between
    found: list[tuple[CorpusRef, Mapping[str, Any]]] = []
    for ref in refs:
        try:
            corpus = read_corpus(ref)
        except LayerlabError:
            continue  # noted where corpora are read
        tokenizer = tokenizers.of(ref.language)
        looked = {"unknown": unknown_words(corpus, tokenizer, checkpoint.name)}
        if state.study.word == "first":
            looked["empty"] = empty_words(corpus, tokenizer, checkpoint.name)
        found.append((ref, remembered(kind, keys[ref], looked.copy)))
    return found
