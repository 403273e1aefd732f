"""A look at a checkpoint before a study."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from layerlab.data.sentences import Sentence
from layerlab.errors import LayerlabError
from layerlab.inspection.finding import Finding, Inspection
from layerlab.inspection.masked_words import look_at_masked_words, mask_text
from layerlab.inspection.tokens import look_at_sizes, look_at_special_tokens, look_at_words
from layerlab.inspection.translations import look_at_translations
from layerlab.inspection.weights import look_at_range, look_at_weights
from layerlab.measures.states import longest_input
from layerlab.models.encoder import Encoder
from layerlab.models.loading import NO_REMOTE_CODE, place_of
from layerlab.models.pieces import special_tokens, tokenize
from layerlab.models.quiet import quiet_transformers
from layerlab.models.tokenizers import Tokenizers, load_tokenizers

if TYPE_CHECKING:
    from layerlab.data.bitext import Bitext, Texts

_LONGEST = 128


def inspect_checkpoint(
    name: str,
    bitexts: Sequence[Bitext] = (),
    *,
    revision: str | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Inspection:
    """Look at a checkpoint: whether it loads, fits its tokenizer, looks trained, and does what it should.

    Args:
        name: Folder, Hub id, or name of an encoder.
        bitexts: Sentences of one language and their translations; without any, what needs text is left out.
        revision: Of a Hub model.
        progress: Called with a line of text for each step.

    >>> print(inspect_checkpoint("minimbert-controlled").verdict)
    good
    """
    findings: list[Finding] = []
    try:
        progress("loading")
        encoder = Encoder.from_pretrained(name, revision=revision)
        tokenizers = load_tokenizers(name, revision)
        special_tokens(tokenizers.common)
    except LayerlabError as error:
        return Inspection(name, (Finding("loading", "broken", str(error)),))
    findings.append(Finding("loading", "good", f"{type(encoder.base).__name__}, {encoder.n_layers} layers"))
    findings += look_at_special_tokens(encoder, tokenizers.common)
    findings += look_at_sizes(encoder, tokenizers.common)
    findings += look_at_weights(encoder)
    if bitexts:
        findings += _look_at_text(name, revision, encoder, tokenizers, bitexts, progress)
    else:
        findings.append(Finding("text", "good", "none was given, so nothing that needs text was looked at"))
    return Inspection(name, tuple(findings))


def _look_at_text(
    name: str,
    revision: str | None,
    encoder: Encoder,
    tokenizers: Tokenizers,
    bitexts: Sequence[Bitext],
    progress: Callable[[str], None],
) -> Iterator[Finding]:
    texts = {bitexts[0].source: bitexts[0].sources, **{one.target: one.targets for one in bitexts}}
    words = {key: [word for text in several for word in words_of(text)] for key, several in texts.items()}
    found = [one for key, of in words.items() for one in look_at_words({key: of}, tokenizers.of(key))]
    yield from found
    if all(one.verdict == "broken" for one in found):
        return  # nothing can be read, so nothing can be guessed
    guesses: list[Finding] = []
    if has_masked_head(encoder) and tokenizers.common.mask_token_id is not None:
        progress("guessing masked words")
        rows = {key: _rows(several, encoder, tokenizers.of(key)) for key, several in texts.items()}
        masked = {key: mask_text(several, tokenizers.of(key)) for key, several in rows.items()}
        guesses = list(look_at_masked_words(load_masked(name, revision), masked))
        yield from guesses
    progress("looking for translations")
    found, largest = look_at_translations(encoder, tokenizers, bitexts, decides=not guesses)
    yield from found
    yield look_at_range(largest)


def words_of(text: Sentence | str) -> Sequence[str]:
    """Return the words of a sentence, or those between the blanks of raw text."""
    return text.words if isinstance(text, Sentence) else text.split()


def has_masked_head(encoder: Encoder) -> bool:
    """Return whether an encoder's checkpoint says that it was saved with a head for masked words."""
    return any(one.endswith("ForMaskedLM") for one in encoder.base.config.architectures or ())


def load_masked(name: str, revision: str | None) -> Any:
    """Return a checkpoint's masked-LM model."""
    from transformers import AutoModelForMaskedLM

    location, revision = place_of(name, revision)
    with quiet_transformers():
        options = {} if revision is None else {"revision": revision}
        return AutoModelForMaskedLM.from_pretrained(
            location, dtype="float32", **options, **NO_REMOTE_CODE
        ).eval()


def _rows(texts: Texts, encoder: Encoder, tokenizer: Any) -> list[list[int]]:
    """Return the word-pieces of texts with special tokens around, cut at the longest input."""
    before, after = special_tokens(tokenizer)
    longest = min(longest_input(encoder, tokenizer), _LONGEST) - len(before) - len(after)
    pieces, _ = tokenize((word for text in texts for word in words_of(text)), tokenizer)
    rows = []
    for text in texts:
        inside = [piece for word in words_of(text) for piece in pieces[word]][:longest]
        rows.append([*before, *inside, *after])
    return rows
