"""What tasks check of labels and predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from layerlab.data.sentences import Sentence
from layerlab.errors import LabelError

Remedy = Callable[[Sequence[str], Sequence[str]], str]


def refuse_other_labels(
    found: Iterable[str], labels: Sequence[str], find_remedy: Remedy, where: str, owner: str = "the source"
) -> None:
    """Refuse labels that are not among those of a head.

    Raises:
        LabelError: Names the labels that are lacking, how often they occur, and the remedy.
    """
    counts = Counter(found)
    lacking = sorted(set(counts) - set(labels))
    if lacking:
        listed = ", ".join(f"{label} ({counts[label]})" for label in lacking)
        message = f"{where}: labels that {owner} does not have: {listed}; it has {', '.join(labels)}"
        remedy = find_remedy(lacking, labels)
        raise LabelError(f"{message}. {remedy}" if remedy else message)


def predictions_by_word(
    sentences: Sequence[Sentence], decoded: Sequence[tuple[int, ...]]
) -> list[list[tuple[int, ...]]]:
    """Return for each word of each sentence what was predicted, without its place.

    Args:
        sentences: A whole corpus.
        decoded: Sentence, word, and what was predicted.

    Raises:
        LabelError: A word has no prediction or two, so that a score would not be of this corpus.
    """
    found = {one[:2]: one[2:] for one in decoded}
    n_words = sum(len(sentence.words) for sentence in sentences)
    if not len(decoded) == len(found) == n_words:
        raise LabelError(f"{len(decoded)} predictions for {n_words} words: expected one a word")
    return [[found[at, word] for word in range(len(one.words))] for at, one in enumerate(sentences)]
