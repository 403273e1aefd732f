"""A look at a whole corpus before time is spent on it: what makes its numbers mean less than they seem to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from layerlab.data.pairs import Pair
from layerlab.data.sentences import Sentence
from layerlab.errors import DataError

# What nearly all words of a corpus must have in common to be told.
NEARLY_ALL = 0.9
# Fewer words than these have something in common by chance.
_ENOUGH = 20

# Language and colon before each word, as in the files of WikiANN.
_PREFIX = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z]+)*:(?=.)")
# The beginning of a word in the pieces of a tokenizer, or the beginning of what is none.
_PIECE = re.compile(r"[▁Ġ].|##.")

# Sentences that a converter wrote as Python shows them.
_BYTES = re.compile(r"b(['\"]).*\1$", re.DOTALL)

# Texts that stand for none.
_PLACEHOLDERS = frozenset(
    {"NS", "N/A", "NA", "#N/A", "NULL", "NONE", "NIL", "NAN", "UNDEFINED", "-", "--", "_", "?", "[DELETED]",
     "[REMOVED]", "TODO", "TBD", "<UNK>", "[UNK]"}
)  # fmt: skip
# Words in the place of a text that a licence withholds.
_WITHHELD = re.compile(r"[_*#]+|x{2,}|<[^<>]*>|\[[^\[\]]*\]", re.IGNORECASE)


def survey(items: Sequence[Any], where: str) -> tuple[str, ...]:
    """Look at sentences, or pairs of them, as a whole.

    Returns:
        What a reader of results should know.

    Raises:
        DataError: The words are placeholders, so that nothing can be learnt of them.
    """
    pairs = [item for item in items if isinstance(item, Pair)]
    sentences = [item for item in items if isinstance(item, Sentence)]
    return (*_survey_pairs(pairs), *_survey_words(sentences, where))


def common_prefix(words: Iterable[str]) -> str:
    """Return the language code that nearly all words begin with, colon included; nothing if there is none.

    >>> common_prefix(["de:Haus", "de:am", "de:See", "de:."]), common_prefix(["Haus", "am", "See:", "http:x"])
    ('de:', '')
    """
    counts: Counter[str] = Counter()
    n_words = 0
    for word in words:
        n_words += 1
        found = _PREFIX.match(word)
        counts[found[0] if found else ""] += 1
    prefix, n = counts.most_common(1)[0] if counts else ("", 0)
    return prefix if n >= max(NEARLY_ALL * n_words, 2) else ""


def _survey_pairs(pairs: Sequence[Pair]) -> Iterator[str]:
    if not pairs:
        return
    empty = sum(not (pair.first.strip() and pair.second.strip()) for pair in pairs)
    if empty:
        yield f"{empty} of {len(pairs)} pairs lack a sentence; they are kept"
    placeholders: Counter[str] = Counter()
    for pair in pairs:
        held = [text.strip() for text in (pair.first, pair.second) if text.strip().upper() in _PLACEHOLDERS]
        placeholders.update(held[:1])
    if placeholders:
        listed = ", ".join(text for text, _ in placeholders.most_common(5))
        n = placeholders.total()
        yield f"{n} of {len(pairs)} pairs hold a placeholder for a sentence ({listed}); they are kept"
    bytes_ = sum(bool(_BYTES.match(pair.first) and _BYTES.match(pair.second)) for pair in pairs)
    if bytes_ >= NEARLY_ALL * len(pairs):
        yield f"the sentences of {bytes_} of {len(pairs)} pairs are written as Python's bytes (b'...')"
    yield from _one_value(Counter(pair.label for pair in pairs), "pairs", "the label", 1.0)
    same = Counter((pair.first, pair.second) for pair in pairs)
    yield from _repeats(len(pairs) - len(same), len(pairs), "pairs")


def _survey_words(sentences: Sequence[Sentence], where: str) -> Iterator[str]:
    words = Counter(chain.from_iterable(sentence.words for sentence in sentences))
    n_words = words.total()
    if not n_words:
        return
    check_withheld(words, where)
    word, n = words.most_common(1)[0]
    if n_words >= _ENOUGH and len(sentences) > 1 and n >= NEARLY_ALL * n_words:
        yield f"{n} of {n_words} words are {word!r}: scores say little about anything else"
    withheld = sum(
        len(sentence.words) > 1 and not any(word.strip("_") for word in sentence.words)
        for sentence in sentences
    )
    if withheld:
        yield f"the text of {withheld} of {len(sentences)} sentences is withheld: all their words are _"
    prefixed = sum(n for word, n in words.items() if _PREFIX.match(word))
    if n_words >= _ENOUGH and prefixed >= NEARLY_ALL * n_words:
        yield f"{prefixed} of {n_words} words begin with a code and a colon, as {word!r} does"
    pieces = sum(n for word, n in words.items() if _PIECE.match(word))
    if n_words >= _ENOUGH and pieces >= n_words / 4:
        yield f"{pieces} of {n_words} words are marked as the pieces of a tokenizer (▁, Ġ or ##)"
    blank = sum(n for word, n in words.items() if not word.strip())
    if blank:
        yield f"{blank} of {n_words} words are white space"
    for part, name in (("upos", "the tag"), ("relations", "the relation")):
        values = Counter(chain.from_iterable(getattr(sentence, part) for sentence in sentences))
        yield from _one_value(values, "words", name, NEARLY_ALL)
    yield from _survey_entities(sentences)
    yield from _repeats(len(sentences) - len({one.words for one in sentences}), len(sentences), "sentences")


def check_withheld(words: Counter[str], where: str) -> None:
    """Refuse words, and how often each occurs, of a text that is withheld.

    Raises:
        DataError: Nearly all words are signs such as ``_``.
    """
    signs = [word for word in words if _WITHHELD.fullmatch(word)]
    n_signs, n_words = sum(words[word] for word in signs), words.total()
    if n_signs >= max(NEARLY_ALL * n_words, 3):
        raise DataError(
            f"{where}: {n_signs} of {n_words} words are signs such as {signs[0]!r}: the text of the corpus "
            "is withheld, mostly by its licence. Expected words; its own page says how to put them back"
        )


def _survey_entities(sentences: Sequence[Sentence]) -> Iterator[str]:
    tags = {tag for sentence in sentences for tag in sentence.entities}
    if tags == {"O"}:
        yield f"no word of the {len(sentences)} sentences is part of an entity"
    spellings: dict[str, set[str]] = {}
    for kind in {tag[2:] for tag in tags if tag != "O"}:
        spellings.setdefault(kind.casefold(), set()).add(kind)
    for kinds in sorted(sorted(kinds) for kinds in spellings.values() if len(kinds) > 1):
        yield f"types of entities that differ by case alone are different types: {', '.join(kinds)}"


def _one_value(values: Counter[str], what: str, name: str, share: float) -> Iterator[str]:
    """Say that nearly all have one value, which may stand for one that is not given."""
    total = values.total()
    if total >= _ENOUGH:
        value, n = values.most_common(1)[0]
        if n >= share * total:
            yield f"{n} of {total} {what} have {name} {value!r}"


def _repeats(n: int, total: int, what: str) -> Iterator[str]:
    if total >= _ENOUGH and n > total / 2:
        yield f"{n} of {total} {what} repeat another of the corpus"
