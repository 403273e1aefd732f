"""From words to word-pieces: each word is cut as it is inside running text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from layerlab.errors import CheckpointError, DataError
from layerlab.files import fault_of_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Pieces = tuple[int, ...]
# What tokenizers write for the space before a word; alone it is no part of a word.
_SPACES: Final = ("▁", "Ġ")
_LONGEST_BLANK: Final = 8
# One as an entry of a vocabulary: `["▁", -2.1]` of Unigram, `"Ġ": 220` of the others.
_LISTED_BLANK: Final = re.compile(r'\[\s*"(▁+|\\u2581|Ġ+)"\s*,|"(▁+|\\u2581|Ġ+)"\s*:\s*\d')
# Architectures that count positions from the padding id on.
_COUNT_FROM_PADDING: Final = frozenset({"roberta", "xlm-roberta", "camembert"})


def tokenize(
    words: Iterable[str], tokenizer: PreTrainedTokenizerBase
) -> tuple[Mapping[str, Pieces], frozenset[str]]:
    """Return the word-pieces of each distinct word, and the words of which the tokenizer knows no part.

    A fast tokenizer splits pretokenised input word by word, so distinct words need to be encoded only once.

    Args:
        words: Words; repetitions cost nothing.
        tokenizer: A fast Hugging Face tokenizer.

    Raises:
        CheckpointError: The tokenizer is not a fast one, or has no unknown token where it is needed.
        DataError: A word holds half a character.
    """
    distinct = sorted(set(words))
    with plain_backend(tokenizer) as backend:
        prefix = " " if needs_space(backend) else ""
        batch = [[prefix + word] for word in distinct]
        with whole_characters(distinct):
            encodings = backend.encode_batch_fast(batch, is_pretokenized=True, add_special_tokens=False)
        blank = {backend.token_to_id(mark) for mark in _SPACES}
    pieces = {word: tuple(encoding.ids) for word, encoding in zip(distinct, encodings, strict=True)}
    stand_in = tokenizer.unk_token_id
    nothing = [word for word, ids in pieces.items() if not ids]
    if nothing and stand_in is None:
        raise CheckpointError(
            f"the tokenizer makes nothing of {min(nothing)!r} and has no unknown token to stand for it"
        )
    pieces.update(dict.fromkeys(nothing, (stand_in,)))
    return pieces, frozenset(word for word, ids in pieces.items() if set(ids) - blank == {stand_in})


def blank_pieces(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Return the ids of word-pieces that hold nothing of a word, only the space before it.

    XLM-R's vocabulary has such a piece, and cuts many words so that it comes first.
    """
    vocabulary = tokenizer.get_vocab()
    runs = (mark * n for mark in _SPACES for n in range(1, _LONGEST_BLANK + 1))
    return frozenset(vocabulary[run] for run in runs if run in vocabulary)


def has_blank_pieces(vocabulary: str) -> bool:
    r"""Return whether the text of a ``tokenizer.json`` lists a word-piece of :func:`blank_pieces`.

    >>> has_blank_pieces('{"vocab": [["\u2581", -2.0]]}'), has_blank_pieces('{"replacement": "\u2581"}')
    (True, False)
    """
    return _LISTED_BLANK.search(vocabulary) is not None


def share_of_unknown(tokenizer: PreTrainedTokenizerBase, words: Sequence[str]) -> float:
    """Return the fraction of words that a tokenizer knows no part of: only the unknown token, or nothing.

    Raises:
        CheckpointError: As in :func:`tokenize`.
    """
    _, unknown = tokenize(words, tokenizer)
    return sum(word in unknown for word in words) / max(1, len(words))


@contextmanager
def whole_characters(texts: Iterable[str]) -> Iterator[None]:
    """Say which text holds half a character, if a tokenizer refuses texts because of that.

    Raises:
        DataError: A text holds a lone surrogate.
    """
    try:
        yield
    except TypeError as error:
        for text in texts:
            if fault := fault_of_text(text):
                raise DataError(f"{text[:60]!a} holds {fault}; expected whole characters") from error
        raise


@contextmanager
def plain_backend(tokenizer: PreTrainedTokenizerBase) -> Iterator[Any]:
    """Lend the ``tokenizers.Tokenizer`` of a tokenizer, which for a while cuts and pads nothing.

    Meanwhile the names of special tokens, such as ``[SEP]``, are text like any other.

    Raises:
        CheckpointError: The tokenizer is not a fast one.
    """
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise CheckpointError(
            f"{type(tokenizer).__name__} is not a fast tokenizer; expected a tokenizer.json"
        )
    truncation, padding, special = backend.truncation, backend.padding, backend.encode_special_tokens
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = True
    try:
        yield backend
    finally:
        backend.encode_special_tokens = special
        if truncation is not None:
            backend.enable_truncation(**truncation)
        if padding is not None:
            backend.enable_padding(**padding)


def needs_space(backend: Any) -> bool:
    """Return whether a word has to begin with a space to be cut as it is inside running text.

    True for byte-level tokenizers (RoBERTa, ModernBERT), which tell a word inside a text from one at its
    start by the space before it, unless they add that space themselves.
    """

    def read(text: str) -> str:
        if backend.normalizer is not None:
            text = backend.normalizer.normalize_str(text)
        if backend.pre_tokenizer is None:
            return text
        return "".join(piece for piece, _ in backend.pre_tokenizer.pre_tokenize_str(text))

    inside = read("a a")
    return inside != read("a") + read("a") and inside == read("a") + read(" a")


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> tuple[Pieces, Pieces]:
    """Return the ids before and after a sentence: CLS and SEP, else BOS and EOS.

    Raises:
        CheckpointError: The tokenizer has neither pair.
    """
    first = tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id
    last = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
    if first is None or last is None:
        raise CheckpointError(
            f"{type(tokenizer).__name__} has no special tokens for the ends of a sentence: "
            "expected cls_token and sep_token, or bos_token and eos_token"
        )
    return (int(first),), (int(last),)


def n_positions(config: Any) -> int | None:
    """Return how many word-pieces a model reads at once, special tokens included; None if it has no limit.

    Args:
        config: A transformers configuration.
    """
    positions = getattr(config, "max_position_embeddings", None)
    if not positions:
        return None
    offset = (config.pad_token_id or 0) + 1 if config.model_type in _COUNT_FROM_PADDING else 0
    return int(positions) - offset
