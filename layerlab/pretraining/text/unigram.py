"""Unigram vocabularies, and what both kinds of tokenizer share: special tokens, frame, alphabet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

SPECIAL_TOKENS: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_SPACE: Final = "▁"


def frequent_characters(texts: Iterable[str], n: int) -> list[str]:
    """Return the ``n`` most frequent characters, ties by code point, white space left out.

    >>> frequent_characters(["abba", "c a"], 2)
    ['a', 'b']
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    ranked = sorted((char for char in counts if not char.isspace()), key=lambda char: (-counts[char], char))
    return ranked[:n]


def frame(tokenizer: Any) -> None:
    """Add the special tokens to a tokenizer, and ``[CLS]`` and ``[SEP]`` around a text."""
    from tokenizers import processors

    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )


def train_unigram(texts: Sequence[str], vocab_size: int, alphabet: int, lowercase: bool) -> Any:
    """Train a Unigram tokenizer on words that begin with ``▁``, as SentencePiece does.

    Words with a character outside the alphabet do not train it, so that rare characters take no pieces. Two
    trainings on the same texts give the same vocabulary.

    Returns:
        A ``tokenizers.Tokenizer``.

    Reference:
        Kudo 2018, "Subword Regularization".
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    steps: list[Any] = [normalizers.NFKC()]
    if lowercase:
        steps += [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.NFC()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement=_SPACE, prepend_scheme="always")
    normalised = [tokenizer.normalizer.normalize_str(text) for text in texts]
    characters = frequent_characters(normalised, alphabet - 1)
    known = frozenset(characters)
    words = (" ".join(word for word in text.split() if known.issuperset(word)) for text in normalised)
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        unk_token="[UNK]",
        initial_alphabet=[_SPACE, *characters],
        show_progress=False,
    )
    tokenizer.train_from_iterator(words, trainer)
    trained = dict(json.loads(tokenizer.to_str())["model"]["vocab"])
    tokenizer.model = models.Unigram(_settled(trained, characters), SPECIAL_TOKENS.index("[UNK]"), False)
    frame(tokenizer)
    return tokenizer


def _settled(scores: Mapping[str, float], characters: Sequence[str]) -> list[tuple[str, float]]:
    """Return pieces and log-probabilities in an order, and to a precision, that two trainings agree on.

    The trainer sums in the order of a hash table, so its scores differ by about 1e-11. It adds characters
    that no estimate kept in such an order too, each a little below the last: here by how frequent they are.
    """
    pieces = {piece: score for piece, score in scores.items() if piece not in SPECIAL_TOKENS}
    lowest = min((score for piece, score in pieces.items() if len(piece) > 1), default=0.0)
    kept = {piece: round(score, 3) for piece, score in pieces.items() if score >= lowest or len(piece) > 1}
    added = [char for char in (_SPACE, *characters) if char in pieces and char not in kept]
    ranked = sorted(kept.items(), key=lambda item: (-item[1], item[0]))
    floor = ranked[-1][1] if ranked else 0.0
    return [
        *((token, 0.0) for token in SPECIAL_TOKENS),
        *ranked,
        *((char, round(floor - 1e-4 * place, 4)) for place, char in enumerate(added, 1)),
    ]
