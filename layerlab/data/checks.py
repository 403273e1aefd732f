"""What must hold of words, tags and trees, whichever reader they come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from layerlab.data.sentences import Sentence
from layerlab.errors import DataError
from layerlab.files import fault_of_text

# Index of a sentence and of a word in it; the place in the corpus, for messages.
Place = Callable[[int, int], str]

# Around a tag these are slips of an editor or a converter, seen or not.
_BLANK = "\\s\u200b\u2060\ufeff"
_BLANK_AROUND = re.compile(f"^[{_BLANK}]+|[{_BLANK}]+$")


def bare(text: str) -> str:
    r"""Return a text without white space and invisible characters around it.

    >>> bare("B-PER \u200b"), bare("GEO LOC")
    ('B-PER', 'GEO LOC')
    """
    return _BLANK_AROUND.sub("", text)


def check_text(value: object, what: str, where: str) -> str:
    r"""Return a value that is text of at least one character.

    Raises:
        DataError: It is None, no text, empty, or holds half a character.

    >>> check_text("Sova", "word", "a.iob2:1")
    'Sova'
    """
    if value is None:
        raise DataError(f"{where}: no {what} (None); expected text")
    if not isinstance(value, str):
        raise DataError(f"{where}: the {what} is {type(value).__name__} {str(value)[:40]!r}; expected text")
    if not value:
        raise DataError(f"{where}: the {what} is empty")
    if odd := fault_of_text(value):
        raise DataError(f"{where}: the {what} holds {odd}: {ascii(value)[:60]}; expected whole characters")
    return value


def check_words(rows: Sequence[Sequence[object]], place: Place) -> None:
    """Check the words of sentences.

    Raises:
        DataError: A word is no text; names its place.
    """
    for index, words in enumerate(rows):
        if not words:
            raise DataError(f"{place(index, 0)}: a sentence without words")
        for number, word in enumerate(words):
            if type(word) is not str or not word or fault_of_text(word):
                check_text(word, "word", place(index, number))


def tree_fault(heads: Sequence[int]) -> str:
    """Say why heads are no tree with one root; nothing if they are one.

    Args:
        heads: 1-based index of each word's head, 0 for the root.

    >>> tree_fault([2, 0, 2]), tree_fault([0, 0]), tree_fault([2, 1, 0]), tree_fault([0, 5])
    ('', '2 roots (words 1, 2)', 'a cycle (words 1, 2)', 'head 5 of word 2, but the sentence has 2 words')
    """
    n_words = len(heads)
    for word, head in enumerate(heads, 1):
        if not 0 <= head <= n_words:
            return f"head {head} of word {word}, but the sentence has {n_words} words"
    roots = [word for word, head in enumerate(heads, 1) if head == 0]
    if heads and not roots:
        return "no root"
    if len(roots) > 1:
        return f"{len(roots)} roots (words {', '.join(map(str, roots[:5]))})"
    done = {0}
    for word in range(1, n_words + 1):
        way: dict[int, None] = {}
        while word not in done and word not in way:
            way[word] = None
            word = heads[word - 1]
        if word not in done:
            cycle = list(way)[list(way).index(word) :]
            many = f"a cycle (words {', '.join(map(str, sorted(cycle)[:5]))})"
            return many if len(cycle) > 1 else f"word {word} is its own head"
        done.update(way)
    return ""


def check_trees(sentences: Iterable[Sentence], where: str) -> None:
    """Check that the gold of a parser is trees, as the scorer of CoNLL 2018 does.

    Raises:
        DataError: The heads of a sentence are no tree, or a relation is no text; names the first place and
            how many there are.
    """
    faults = []
    number = 0
    for number, sentence in enumerate(sentences, 1):
        fault = tree_fault(sentence.heads) or _relation_fault(sentence.relations)
        if fault:
            name = f" ({sentence.sent_id})" if sentence.sent_id else ""
            faults.append(f"{sentence.place or f', sentence {number}'}{name}: {fault}")
    if faults:
        raise DataError(
            f"{where}{faults[0]}; expected a tree: one root, every head another word of the sentence, no "
            f"cycle, relations that are text. {len(faults)} of {number} sentences are no trees"
        )


def _relation_fault(relations: Sequence[object]) -> str:
    for word, relation in enumerate(relations, 1):
        if not isinstance(relation, str) or not relation or bare(relation) != relation:
            return f"relation {relation!r} of word {word}"
    return ""
