"""Whether a masked language model guesses masked pieces, language by language and layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from layerlab.inspection.finding import Finding, Verdict
from layerlab.models.encoder import Encoder
from layerlab.pretraining.head import Head, head_of
from layerlab.tasks.encoding.padding import pad

_MASKED: Final = 0.15
# Nats a piece by which a model with the queries and keys of a layer exchanged must be better to be suspected.
_BETTER: Final = 0.05
_LANGUAGES: Final = 3  # that this is tried on
# Names of the queries' and the keys' projections, or of the one matrix whose first two thirds they are.
_PROJECTIONS: Final = (("query", "key"), ("q_lin", "k_lin"), ("q_proj", "k_proj"), ("query_proj", "key_proj"))
_JOINT: Final = ("Wqkv",)


@dataclass(frozen=True)
class MaskedText:
    """Text with masked pieces.

    Attributes:
        input_ids: ``(sentences, tokens)``, some of them masked.
        attention_mask: Likewise.
        labels: The masked pieces, -100 elsewhere.
    """

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor

    @property
    def entropy(self) -> float:
        """Nats a piece of guessing by frequency, the frequencies being those of these masked pieces."""
        counts = torch.bincount(self.labels[self.labels >= 0]).float()
        shares = counts[counts > 0] / counts.sum()
        return float(-(shares * shares.log()).sum())


def mask_text(rows: Sequence[Sequence[int]], tokenizer: Any, seed: int = 0) -> MaskedText:
    """Mask a seventh of the pieces of some inputs, always the same ones.

    Args:
        rows: Word-pieces of sentences, with a special token at either end.
        tokenizer: Says what masks and pads.
        seed: Of the choice.
    """
    stream = np.random.default_rng(seed)
    shown, hidden = [], []
    for row in rows:
        chosen = stream.random(len(row)) < _MASKED
        chosen[0] = chosen[-1] = False
        pairs = list(zip(row, chosen, strict=True))
        shown.append([tokenizer.mask_token_id if masked else piece for piece, masked in pairs])
        hidden.append([piece if masked else -100 for piece, masked in pairs])
    ones = [[1] * len(row) for row in rows]
    return MaskedText(pad(shown, tokenizer.pad_token_id or 0), pad(ones, 0), pad(hidden, -100))


def masked_loss(model: Any, head: Head, text: MaskedText) -> float:
    """Return a masked-LM model's loss on masked text, in nats a piece."""
    with torch.no_grad():
        states = model.base_model(input_ids=text.input_ids, attention_mask=text.attention_mask)
        chosen = text.labels != -100
        logits = head(states.last_hidden_state[chosen])
        return float(torch.nn.functional.cross_entropy(logits.float(), text.labels[chosen]))


def look_at_masked_words(model: Any, texts: Mapping[str, MaskedText]) -> Iterator[Finding]:
    """Yield for each language how well masked pieces are guessed; by frequency they can be anyway."""
    head = head_of(model)
    losses = {language: masked_loss(model, head, text) for language, text in texts.items()}
    better = [language for language, text in texts.items() if losses[language] < text.entropy]
    for language, text in texts.items():
        verdict: Verdict = "good" if language in better else "doubtful" if better else "broken"
        found = f"{losses[language]:.2f} nats a masked piece; by frequency {text.entropy:.2f}"
        yield Finding("masked words", verdict, found, language)
    tried = [texts[language] for language in (better or list(texts))[:_LANGUAGES]]
    yield from look_at_queries(model, head, tried)


def look_at_queries(model: Any, head: Head, texts: Sequence[MaskedText]) -> Iterator[Finding]:
    """Yield layers with which the model is better when their queries and keys are exchanged."""
    encoder = Encoder(model)
    plain = float(np.mean([masked_loss(model, head, text) for text in texts]))
    gains = {}
    for index, layer in enumerate(encoder.layers):
        with _exchanged(layer) as exchanged:
            if not exchanged:
                return
            gains[index] = plain - float(np.mean([masked_loss(model, head, text) for text in texts]))
    # What guesses worse than by frequency also with them exchanged has another fault.
    most = float(np.mean([text.entropy for text in texts]))
    for index, gain in gains.items():
        if gain > _BETTER and plain - gain < most:
            found = f"layer {index}: {gain:.2f} nats a masked piece better with the two exchanged"
            yield Finding("queries and keys", "broken", found)


@contextmanager
def _exchanged(layer: torch.nn.Module) -> Iterator[bool]:
    """Exchange a layer's queries and keys for a while; yield whether that could be done."""
    pairs = [*_pairs(layer)]
    with torch.no_grad():
        for one, other in pairs:
            _swap(one, other)
        try:
            yield bool(pairs)
        finally:
            for one, other in pairs:
                _swap(one, other)


def _swap(one: Tensor, other: Tensor) -> None:
    kept = one.clone()
    one.copy_(other)
    other.copy_(kept)


def _pairs(layer: torch.nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the weights, and biases, of a layer's queries and keys, which can be written to."""
    for path, module in layer.named_modules():
        name, home = path.rpartition(".")[2], path.rpartition(".")[0]
        parts: Mapping[str, Any] = dict(module.named_parameters(recurse=False))
        if name in _JOINT:
            width = parts["weight"].shape[0] // 3
            yield from ((one.data[:width], one.data[width : 2 * width]) for one in parts.values())
        for query, key in _PROJECTIONS:
            if name == query:
                others = dict(layer.get_submodule(f"{home}.{key}".lstrip(".")).named_parameters())
                if parts["weight"].shape == others["weight"].shape:
                    yield from ((parts[part].data, others[part].data) for part in parts)
