"""Whether encoders can read the corpora of a study, looked at before time is spent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from layerlab.data.catalog.corpus import CorpusRef
from layerlab.data.pairs import Pair
from layerlab.data.sentences import take_evenly
from layerlab.errors import LayerlabError
from layerlab.models.checkpoints import Checkpoint
from layerlab.models.pieces import share_of_unknown
from layerlab.models.tokenizers import find_tokenizer
from layerlab.study.findings import Expansion
from layerlab.tasks.corpora import read_corpus

# Sentences of a corpus that a tokenizer is tried on.
SAMPLE: Final = 200
# An encoder learns nothing from a source of which it knows no more than the rest of the words.
MOST_UNKNOWN: Final = 0.9


def check_vocabularies(state: Expansion, checkpoints: Iterable[Checkpoint]) -> None:
    """Check tokenizers against embeddings and corpora.

    A source of which nearly all words are unknown to an encoder is a mistake, a target is noted. Tokenizers
    that would have to be downloaded, or whose pretraining is yet to come, are left out.
    """
    for checkpoint in checkpoints:
        if checkpoint.name in state.pretrainings:
            continue
        path = f"models[{list(state.study.models).index(checkpoint.name)}]"
        try:
            tokenizer = find_tokenizer(checkpoint.reference)
            if tokenizer is None:
                continue
            for ref in filter(None, dict.fromkeys(state.corpora.values())):
                share = share_of_unknown(tokenizer, _words(ref))
                if share <= MOST_UNKNOWN:
                    continue
                told = f"{share:.0%} of the words of {ref.where} are unknown to {checkpoint.name}"
                if ref.split == "test":
                    state.notes[told] = None
                else:
                    state.note(path, told)
        except LayerlabError as error:
            state.note(path, error)


def _words(ref: CorpusRef) -> Sequence[str]:
    """Return the words with letters of a part of a corpus; none if it cannot be read."""
    try:
        items: Sequence[Any] = take_evenly(read_corpus(ref).sentences, SAMPLE)
    except LayerlabError:
        return ()
    words = (word for item in items for word in _words_of(item))
    return [word for word in words if any(sign.isalpha() for sign in word)]


def _words_of(item: Any) -> Iterable[str]:
    return f"{item.first} {item.second}".split() if isinstance(item, Pair) else item.words
