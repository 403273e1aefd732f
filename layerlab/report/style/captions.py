"""Words that the titles and captions of several figures share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from layerlab.names import task_name


def count(number: int, what: str) -> str:
    """Write a number of things.

    >>> count(1, "seed"), count(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{number} {what}" + "s" * (number != 1)


def over_words(effect: pd.DataFrame) -> str:
    """Say over what the intervals of effects are, by their kinds.

    >>> over_words(pd.DataFrame({"interval": ["t", "t"]}))
    'over seeds'
    """
    kinds = set(effect["interval"]) if "interval" in effect.columns else {"t"}
    return "over seeds" if kinds <= {"t"} else "over seeds and test sentences"


def effects_words(effect: pd.DataFrame, shape: str = "bands") -> str:
    """Describe the seeds behind some effects, and their intervals, which are drawn in a shape."""
    kind = (
        "t intervals over seeds" if over_words(effect) == "over seeds" else f"intervals {over_words(effect)}"
    )
    return seeds_words(effect["n_seeds"], shape, kind)


def seeds_words(counts: Iterable[int], shape: str = "bands", kind: str = "t intervals over seeds") -> str:
    """Describe the seeds behind some means, and their intervals, which are drawn in a shape.

    >>> seeds_words([3, 3])
    'n = 3 seeds, bands are 95% t intervals over seeds'
    >>> seeds_words([1])
    'n = 1 seed, so there are no intervals'
    """
    fewest, most = min(counts := list(counts)), max(counts)
    if most < 2:
        return "n = 1 seed, so there are no intervals"
    number = count(most, "seed") if fewest == most else f"{fewest} to {most} seeds"
    return f"n = {number}, {shape} are 95% {kind}"


def matrix_words(n_seeds: int, widest: float) -> str:
    """Describe the seeds behind the cells of a matrix, at least, and their widest interval (half, in points).

    >>> matrix_words(3, 1.25), matrix_words(1, float("nan"))
    ('means over 3 seeds, 95% t intervals over seeds at most ±1.2', 'one seed, so there are no intervals')
    """
    if widest != widest:
        return "one seed, so there are no intervals"
    return f"means over {count(n_seeds, 'seed')}, 95% t intervals over seeds at most ±{widest:.1f}"


def about(where: Mapping[str, str], sweep: str = "") -> str:
    """Name the model, task and source of a figure, and what its sweep does.

    >>> about({"model": "mbert", "task": "upos", "source": "en"}, "RANDOM-INIT before fine-tuning")
    'mbert, UPOS from en, RANDOM-INIT before fine-tuning'
    """
    text = f"{where['model']}, {task_name(where['task'])} from {where['source']}"
    return f"{text}, {sweep}" if sweep else text


def sentences_words(rows: pd.DataFrame) -> str:
    """Write how many sentences a measure is based on; empty if it is not recorded.

    >>> sentences_words(pd.DataFrame({"n": [1000, 1000]}))
    ', n = 1,000 sentences'
    """
    sizes = rows["n"].dropna()
    return f", n = {spread(sizes)} sentences" if len(sizes) else ""


def spread(numbers: pd.Series[int]) -> str:
    """Write the smallest and the largest of some whole numbers, or the one that all are.

    >>> spread(pd.Series([900, 1000])), spread(pd.Series([3, 3]))
    ('900 to 1,000', '3')
    """
    fewest, most = int(numbers.min()), int(numbers.max())
    return f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"


def capital(text: str) -> str:
    """Capitalise the first letter of a text.

    >>> capital("retrieval accuracy (CSLS)")
    'Retrieval accuracy (CSLS)'
    """
    return text[:1].upper() + text[1:]
