"""Several vocabularies over one space of ids: which pieces languages share, and each language's tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from layerlab.pretraining.text.unigram import SPECIAL_TOKENS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

#: A piece with the languages that have it as one and the same.
Row = tuple[str, frozenset[str]]


def unite(vocabularies: Mapping[str, list[str]], is_shared: Callable[[str], bool]) -> list[Row]:
    """Return the rows of a union of vocabularies, special tokens left out.

    A piece that several languages have is one row if it is shared, else one row a language.

    Args:
        vocabularies: Language to its pieces in their order, without special tokens.
        is_shared: Whether a piece that several languages have stays one.

    >>> [(piece, sorted(of)) for piece, of in unite({"en": ["a", "b"], "fr": ["a", "b"]}, "a".__eq__)]
    [('a', ['en', 'fr']), ('b', ['en']), ('b', ['fr'])]
    """
    having: dict[str, set[str]] = {}
    for language, pieces in vocabularies.items():
        for piece in pieces:
            having.setdefault(piece, set()).add(language)
    rows: dict[Row, None] = {}
    for language, pieces in vocabularies.items():
        for piece in pieces:
            one = len(having[piece]) > 1 and is_shared(piece)
            rows.setdefault((piece, frozenset(having[piece] if one else {language})), None)
    return list(rows)


def pieces_of(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Return the pieces of a tokenizer in the order of their ids, without special tokens."""
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return [piece for piece, _ in vocabulary if piece not in SPECIAL_TOKENS]


def renumbered(tokenizer: PreTrainedTokenizerFast, language: str, rows: list[Row]) -> PreTrainedTokenizerFast:
    """Return a language's tokenizer with the ids of a union: it cuts text as before.

    Rows of other languages have a name in it that holds a space, so that no text becomes one of them.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    plain: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
    names = [piece if language in of else f"{' '.join(sorted(of))} {piece}" for piece, of in rows]
    every = [*SPECIAL_TOKENS, *names]
    model = plain["model"]
    if isinstance(model["vocab"], dict):
        model["vocab"] = {name: number for number, name in enumerate(every)}
    else:
        scores: dict[str, float] = dict(model["vocab"])
        lowest = min(scores.values())
        model["vocab"] = [[name, scores.get(name, lowest)] for name in every]
    settings = {key: getattr(tokenizer, key) for key in ("model_max_length", "model_input_names")}
    settings |= {f"{role}_token": f"[{role.upper()}]" for role in ("unk", "sep", "pad", "cls", "mask")}
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=Tokenizer.from_str(json.dumps(plain)), **settings
    )
