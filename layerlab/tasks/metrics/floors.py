"""What the commonest answer would score: the floor that a model has to be above to know anything.

The answer is the best constant one on the scored corpus itself, so that no tagger that looks at nothing is
above it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from layerlab.tasks.metrics.attachment import CONTENT_RELATIONS, universal

Arcs = Sequence[Sequence[tuple[int, str]]]


def commonest_share(labels: Iterable[str]) -> float:
    """Return the share of the commonest label, which is the accuracy of giving it everywhere; 0 without any.

    >>> commonest_share(["NOUN", "VERB", "NOUN", "ADP"])
    0.5
    """
    counts = Counter(labels)
    return max(counts.values()) / counts.total() if counts else 0.0


def commonest_macro_f1(labels: Iterable[str]) -> float:
    """Return the macro F1 of giving the commonest label everywhere; 0 without any.

    >>> commonest_macro_f1(["yes", "yes", "yes", "no"])
    0.42857142857142855
    """
    counts = Counter(labels)
    share = commonest_share(counts.elements())
    return 2 * share / (1 + share) / len(counts) if counts else 0.0


def chain_floors(trees: Arcs) -> tuple[float, float, float]:
    """Return LAS, UAS and CLAS of the best tree that looks at no word: a chain with one relation throughout.

    Every word is attached to the one before it, or every word to the one after; the first or the last one
    hangs on the root. Each score has the direction and the relation that are best for it.

    Args:
        trees: For each sentence the head (1-based, 0 is the root) and the relation of each word.

    >>> chain_floors([[(2, "det"), (3, "nsubj"), (0, "root")]])
    (0.3333333333333333, 1.0, 0.4)
    """
    n_words = sum(map(len, trees))
    n_content = sum(universal(relation) in CONTENT_RELATIONS for tree in trees for _, relation in tree)
    best = [0.0, 0.0, 0.0]
    for step in (-1, 1):
        right: Counter[str] = Counter()
        for tree in trees:
            heads = ((place + step) % (len(tree) + 1) for place in range(1, len(tree) + 1))
            pairs = zip(tree, heads, strict=True)
            right.update(universal(relation) for (head, relation), guess in pairs if head == guess)
        most = max(right.values(), default=0)
        content = max((right[name] for name in right if name in CONTENT_RELATIONS), default=0)
        if n_words:
            found = (most / n_words, right.total() / n_words, 2 * content / (n_content + n_words))
            best = [max(one, other) for one, other in zip(best, found, strict=True)]
    las, uas, clas = best
    return las, uas, clas
