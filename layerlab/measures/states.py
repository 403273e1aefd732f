"""Sentence states: one vector a sentence at the embeddings and after every layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layerlab.data.sentences import Sentence
from layerlab.errors import CheckpointError, DataError, unknown
from layerlab.measures.levels import frozen
from layerlab.measures.options import Pooling
from layerlab.models.by_language.manifest import must_name_language
from layerlab.models.encoder import Encoder, as_encoder
from layerlab.models.forward import ResumableForward
from layerlab.models.pieces import n_positions, special_tokens, tokenize
from layerlab.models.tokenizers import Tokenizers, as_tokenizers, load_tokenizers
from layerlab.tasks.encoding.padding import pad, pad_inputs
from layerlab.training.batching import length_batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Text = Sentence | Sequence[str] | str
States = NDArray[np.float32]
Inputs = dict[str, Tensor]
#: From the inputs of a batch, names of forms with a level and the states from it on.
LevelsOf = Callable[[Inputs], Iterable[tuple[str, int, Sequence[Tensor]]]]

#: Padded word-pieces in a batch.
BATCH_PIECES = 8_192
_LONGEST = 512  # where neither model nor tokenizer says how long a sequence may be


def sentence_states(
    encoder: Encoder | PreTrainedModel | str | Path,
    sentences: Sequence[Text],
    tokenizer: PreTrainedTokenizerBase | Tokenizers | None = None,
    *,
    language: str = "",
    pooling: Pooling = "mean",
    max_length: int | None = None,
    batch_pieces: int = BATCH_PIECES,
    progress: Callable[[int, int], None] | None = None,
) -> States:
    """Return one vector a sentence at every level of an encoder.

    Level 0 is the output of the embeddings, level ``i + 1`` that of layer ``i``. The model runs in evaluation
    mode, and no random number is drawn. A sentence longer than the model reads is cut into pieces of equal
    length that are read one by one; its mean runs over all of its word-pieces, so that none is dropped.

    Args:
        encoder: An encoder, a model, or a folder or Hub id of one.
        sentences: Words (split as they are) or raw text.
        tokenizer: Its tokenizer; None loads the model's own.
        language: Of the sentences, for an encoder that reads each language in a way of its own.
        pooling: ``mean`` over the word-pieces of the text without special tokens; ``first``, the state of
            the first special token (``[CLS]``); or ``muller``, the mean that the code of Muller et al. takes:
            special tokens are added twice and one of each is left in the mean.
        max_length: Longest input in word-pieces, special tokens included; None for what the model can read.
        batch_pieces: Padded word-pieces in a batch.
        progress: Called after each batch with the sentences done and their number.

    Returns:
        States of shape ``(n_layers + 1, sentences, hidden)``, in the order of the sentences.

    Raises:
        CheckpointError: There is no such model or tokenizer.
        DataError: No sentence, an empty one, or a ``max_length`` that leaves no room for text.
    """
    is_named = isinstance(encoder, str | Path)
    encoder, tokenizers = open_encoder(encoder, tokenizer)
    if language:
        encoder = encoder.speaking(language)
    elif is_named and encoder.languages:
        raise must_name_language(str(encoder.base.config.name_or_path), encoder.languages)
    forward = ResumableForward(encoder)

    def levels_of(inputs: Inputs) -> Iterable[tuple[str, int, Sequence[Tensor]]]:
        yield "", 0, forward.levels(inputs)

    found = states_of_forms(
        encoder,
        sentences,
        tokenizers.of(language),
        levels_of,
        pooling=pooling,
        max_length=max_length,
        batch_pieces=batch_pieces,
        progress=progress,
    )
    return found[""][1]


def states_of_forms(
    encoder: Encoder,
    sentences: Sequence[Text],
    tokenizer: PreTrainedTokenizerBase,
    levels_of: LevelsOf,
    *,
    pooling: Pooling = "mean",
    max_length: int | None = None,
    batch_pieces: int = BATCH_PIECES,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, tuple[int, States]]:
    """Return one vector a sentence of several forms of an encoder, batch by batch, at the levels they give.

    Args:
        encoder: The encoder; what is not listed here is as in :func:`sentence_states`.
        sentences: Words or raw text.
        tokenizer: The encoder's.
        levels_of: Gives, from a batch's inputs, each form's name, a level, and the states of that level and
            those above, each ``(batch, tokens, hidden)``.
        pooling: How a sentence's vector is made.
        max_length: Longest input in word-pieces.
        batch_pieces: Padded word-pieces in a batch.
        progress: Called after each batch with the sentences done and their number.

    Returns:
        Of each form the level and the states from it on, ``(levels, sentences, hidden)``.

    Raises:
        DataError: As in :func:`sentence_states`.
    """
    if pooling not in get_args(Pooling):
        raise DataError(unknown("pooling", pooling, get_args(Pooling)))
    inputs = _inputs(sentences, tokenizer, pooling, max_length or longest_input(encoder, tokenizer))
    width, pad_id = int(encoder.base.config.hidden_size), int(tokenizer.pad_token_id or 0)
    found: dict[str, tuple[int, States]] = {}
    done = 0
    with frozen(encoder.base), torch.no_grad():
        for batch in length_batches([len(one.input_ids) for one in inputs], batch_pieces):
            chosen = [inputs[index] for index in batch]
            weights = pad([one.weights for one in chosen], 0.0).to(encoder.base.device, torch.float32)
            on_device = {
                name: tensor.to(encoder.base.device) for name, tensor in pad_inputs(chosen, pad_id).items()
            }
            for name, level, hidden in levels_of(on_device):
                if name not in found:
                    shape = (len(hidden), len(sentences), width)
                    found[name] = level, np.zeros(shape, dtype=np.float32)
                if hidden:
                    pooled = torch.stack([torch.einsum("bt,bth->bh", weights, one.float()) for one in hidden])
                    for own, vectors in zip(chosen, pooled.cpu().unbind(1), strict=True):
                        found[name][1][:, own.sentence] += vectors.numpy()
            done += sum(one.last for one in chosen)
            if progress is not None:
                progress(done, len(sentences))
    return found


def open_encoder(
    encoder: Encoder | PreTrainedModel | str | Path,
    tokenizer: PreTrainedTokenizerBase | Tokenizers | None = None,
) -> tuple[Encoder, Tokenizers]:
    """Return an encoder and its tokenizers; what is given by its place, or not given, is loaded.

    Raises:
        CheckpointError: There is no such model or tokenizer.
    """
    if isinstance(encoder, str | Path):
        tokenizer = tokenizer or load_tokenizers(str(encoder))
        return Encoder.from_pretrained(str(encoder), language="any"), as_tokenizers(tokenizer)
    encoder = as_encoder(encoder)
    name = str(encoder.base.config.name_or_path or "")
    if tokenizer is None and not name:
        raise CheckpointError("the model was made from a config, so no tokenizer lies beside it; give one")
    return encoder, as_tokenizers(tokenizer or load_tokenizers(name))


def longest_input(encoder: Encoder, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return how many word-pieces a model reads at once, special tokens included."""
    return min(n_positions(encoder.base.config) or _LONGEST, int(tokenizer.model_max_length))


@dataclass(frozen=True)
class _Input:
    """One sequence for the model.

    Attributes:
        input_ids: Word-pieces with special tokens.
        sentence: Whose it is.
        weights: What each position counts in the pooled state; a sentence's sum to 1.
        last: Whether it is its sentence's last.
    """

    input_ids: tuple[int, ...]
    sentence: int
    weights: tuple[float, ...]
    last: bool


def _inputs(
    sentences: Sequence[Text], tokenizer: PreTrainedTokenizerBase, pooling: Pooling, max_length: int
) -> list[_Input]:
    """Encode sentences, cut long ones, and say what each position counts."""
    if not sentences:
        raise DataError("no sentence to encode")
    before, after = special_tokens(tokenizer)
    if pooling == "muller":
        before, after = before * 2, after * 2
    kept = 1 if pooling == "muller" else 0  # special tokens at each end that count
    room = max_length - len(before) - len(after)
    if room < 1:
        raise DataError(f"max_length {max_length} leaves no room for text beside the special tokens")
    found = []
    for index, pieces in enumerate(_pieces(sentences, tokenizer)):
        if not pieces:
            raise DataError(f"sentence {index} has no word-piece: {sentences[index]!r}")
        n_parts = -(-len(pieces) // room)
        counted = len(pieces) + 2 * kept * n_parts
        for part in range(n_parts):
            text = pieces[part * len(pieces) // n_parts : (part + 1) * len(pieces) // n_parts]
            ids = (*before, *text, *after)
            if pooling == "first":
                weights = (1.0 if part == 0 else 0.0,) + (0.0,) * (len(ids) - 1)
            else:
                inside = (1 / counted,) * (len(text) + 2 * kept)
                weights = (0.0,) * (len(before) - kept) + inside + (0.0,) * (len(after) - kept)
            found.append(_Input(ids, index, weights, part == n_parts - 1))
    return found


def _pieces(sentences: Sequence[Text], tokenizer: PreTrainedTokenizerBase) -> list[tuple[int, ...]]:
    """Return the word-pieces of each sentence, words encoded one by one and text as it is."""
    words = [
        None if isinstance(one, str) else one.words if isinstance(one, Sentence) else one for one in sentences
    ]
    pieces_of, _ = tokenize((word for one in words if one is not None for word in one), tokenizer)
    texts = [one for one in sentences if isinstance(one, str)]
    encoded = iter(tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else ())
    return [
        tuple(next(encoded)) if one is None else tuple(piece for word in one for piece in pieces_of[word])
        for one in words
    ]
