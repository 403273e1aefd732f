"""States of single words in their sentences, at the embeddings and after every layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlab.data.sentences import Sentence
from layerlab.finetuning.model import encoder_inputs
from layerlab.measures.levels import frozen
from layerlab.measures.states import BATCH_PIECES, States, longest_input
from layerlab.models.encoder import Encoder
from layerlab.models.forward import ResumableForward
from layerlab.tasks.encoding.examples import IGNORED, Example
from layerlab.tasks.encoding.padding import pad_inputs, pad_spans
from layerlab.tasks.encoding.windows import encode_words
from layerlab.tasks.heads.words import mean_of_pieces
from layerlab.tasks.words import Word
from layerlab.training.batching import length_batches

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

#: A sentence and a word in it, both by number.
Place = tuple[int, int]


def word_states(
    encoder: Encoder,
    tokenizer: PreTrainedTokenizerBase,
    sentences: Sequence[Sentence],
    places: Sequence[Place],
    *,
    levels: Sequence[int] | None = None,
    word: Word = "mean",
    batch_pieces: int = BATCH_PIECES,
) -> States:
    """Return the states of some words of sentences at every level of an encoder.

    The model runs in evaluation mode. Sentences without such a word are not read; one that is longer than the
    model reads is cut into windows, in which each word has context.

    Args:
        encoder: The encoder.
        tokenizer: Its tokenizer.
        sentences: Sentences of words.
        places: The words: a sentence's number and the number of the word in it.
        levels: 0 for the output of the embeddings, ``i + 1`` for that of layer ``i``; all by default.
        word: What stands for a word of several word-pieces.
        batch_pieces: Padded word-pieces in a batch.

    Returns:
        States of shape ``(levels, places, hidden)``, in the order of the places.
    """
    wanted: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, (sentence, number) in enumerate(places):
        wanted[sentence][number].append(row)
    read = sorted(wanted)
    words = [sentences[index] for index in read]
    labels = [[0] * len(one.words) for one in words]
    examples = encode_words(words, labels, tokenizer, longest_input(encoder, tokenizer), word).examples
    levels = range(encoder.n_layers + 1) if levels is None else levels
    found = np.zeros((len(levels), len(places), int(encoder.base.config.hidden_size)), dtype=np.float32)
    forward, pad_id = ResumableForward(encoder), int(tokenizer.pad_token_id or 0)
    with frozen(encoder.base), torch.no_grad():
        for batch in length_batches([len(one.input_ids) for one in examples], batch_pieces):
            chosen = [examples[index] for index in batch]
            rows, lines, positions = _find_rows(chosen, [wanted[read[one.sentence]] for one in chosen])
            if not rows:
                continue
            inputs = {name: one.to(encoder.base.device) for name, one in pad_inputs(chosen, pad_id).items()}
            hidden = forward.levels(encoder_inputs(encoder.base, inputs), stop=max(levels))
            spans = (
                pad_spans([one.spans for one in chosen]).to(encoder.base.device) if word == "mean" else None
            )
            for place, level in enumerate(levels):
                states = hidden[level].float()
                states = states if spans is None else mean_of_pieces(states, spans.to(states.device))
                found[place, rows] = states[lines, positions].cpu().numpy()
    return found


def _find_rows(
    examples: Sequence[Example], wanted: Sequence[dict[int, list[int]]]
) -> tuple[list[int], list[int], list[int]]:
    """Return rows of the result, and of each the example and the position in it where its word stands."""
    rows: list[int] = []
    lines: list[int] = []
    positions: list[int] = []
    for line, (example, own) in enumerate(zip(examples, wanted, strict=True)):
        labelled = [place for place, label in enumerate(example.label_ids) if label != IGNORED]
        for position, number in zip(labelled, example.words, strict=True):
            for row in own.get(number, ()):
                rows.append(row)
                lines.append(line)
                positions.append(position)
    return rows, lines, positions
