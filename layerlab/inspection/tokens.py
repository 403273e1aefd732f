"""Whether tokenizer, configuration and embeddings are of one model, and how languages are cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from layerlab.inspection.finding import Finding, Verdict
from layerlab.models.pieces import blank_pieces, n_positions, tokenize

if TYPE_CHECKING:
    from layerlab.models.encoder import Encoder

# Fractions of words from which on a language is hardly read, and from which on a reader should know.
MOST_UNKNOWN: Final = 0.3
SOME_UNKNOWN: Final = 0.05
SOME_BLANK: Final = 0.05


def look_at_special_tokens(encoder: Encoder, tokenizer: Any) -> Iterator[Finding]:
    """Yield whether the ids of special tokens in the configuration are those of the tokenizer.

    A wrong padding id is the worst: the embedding at that place gets no gradient, and a re-initialised matrix
    is zero there.
    """
    config = encoder.base.config
    embedding: Any = encoder.base.get_input_embeddings()
    told, used = getattr(config, "pad_token_id", None), tokenizer.pad_token_id
    own = getattr(embedding, "padding_idx", None)
    found = f"configuration {told}, embedding {own}, tokenizer {used} ({tokenizer.pad_token})"
    wrong = used is not None and any(one is not None and one != used for one in (told, own))
    yield Finding("padding", "broken" if wrong else "good", found)
    for role in ("bos", "eos", "cls", "sep", "mask", "unk"):
        told, used = getattr(config, f"{role}_token_id", None), getattr(tokenizer, f"{role}_token_id")
        if told is not None and used is not None and told != used:
            yield Finding(f"{role} token", "doubtful", f"configuration {told}, tokenizer {used}")


def look_at_sizes(encoder: Encoder, tokenizer: Any) -> Iterator[Finding]:
    """Yield whether the longest input of the tokenizer fits the positions, and how many rows there are."""
    positions = n_positions(encoder.base.config)
    longest = int(tokenizer.model_max_length)
    if positions is not None and positions < longest < 1_000_000:
        yield Finding("longest input", "doubtful", f"tokenizer {longest}, positions {positions}")
    embedding: Any = encoder.base.get_input_embeddings()
    yield Finding("vocabulary", "good", f"{len(tokenizer):,} pieces, {len(embedding.weight):,} rows")


def look_at_words(words: Mapping[str, Sequence[str]], tokenizer: Any) -> Iterator[Finding]:
    """Yield for each language how many words are unknown or begin with an empty piece, and how they are cut.

    Args:
        words: Language to words.
        tokenizer: A fast tokenizer.
    """
    blank = blank_pieces(tokenizer)
    for language, several in words.items():
        pieces, unknown = tokenize(several, tokenizer)
        n = max(1, len(several))
        share = sum(word in unknown for word in several) / n
        verdict: Verdict = (
            "broken" if share > MOST_UNKNOWN else "doubtful" if share > SOME_UNKNOWN else "good"
        )
        empty = sum(pieces[word][0] in blank for word in several) / n
        about = f"{share:.1%} unknown, {sum(len(pieces[word]) for word in several) / n:.2f} pieces a word"
        if empty > SOME_BLANK:
            about += f", {empty:.0%} begin with an empty piece (leave `word` at first-content)"
        yield Finding("words", verdict, about, language)
