"""How numbers are written in the texts: points, intervals, similarities, lists of languages.

Points have one decimal and q values three, and what is a fraction of 1 has no leading zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy.special import stdtrit

from layerlab.analysis.effects.sensitivity import t_interval

LANGUAGES = {
    "ar": "Arabic", "ceb": "Cebuano", "cs": "Czech", "da": "Danish", "de": "German", "en": "English",
    "es": "Spanish", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "id": "Indonesian",
    "it": "Italian", "ja": "Japanese", "ko": "Korean", "pl": "Polish", "pt": "Portuguese", "ru": "Russian",
    "sv": "Swedish", "tl": "Tagalog", "tr": "Turkish", "zh": "Chinese",
}  # fmt: skip


def decimals(value: float, digits: int = 1) -> str:
    """Write a number with so many decimals, and zero without a sign.

    >>> decimals(-0.04), decimals(3.25, 2)
    ('0.0', '3.25')
    """
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def fraction(value: float, digits: int = 2) -> str:
    """Write a number between -1 and 1 without its leading zero.

    >>> fraction(0.428), fraction(-0.7), fraction(1.0), fraction(0.02344, 3)
    ('.43', '-.70', '1.00', '.023')
    """
    return decimals(value, digits).replace("0.", ".", 1) if abs(value) < 1 else decimals(value, digits)


def percent(value: float) -> str:
    """Write a fraction in percent.

    >>> percent(0.086)
    '9%'
    """
    return f"{decimals(100 * value, 0)}%"


def of_metric(metric: str, value: float) -> str:
    """Write a score in points, retrieval in percent, and a similarity or a distance as a fraction.

    >>> of_metric("accuracy", 0.7711), of_metric("word_retrieval", 0.16), of_metric("cka", 0.428)
    ('77.1', '16%', '.43')
    """
    if "retrieval" in metric:
        return percent(value)
    if metric.startswith(("cka", "change", "drift", "anc")):
        return fraction(value)
    return decimals(100 * value)


def language(code: str) -> str:
    """Name the language of a target; what has no English name keeps its own.

    >>> language("fr"), language("en:GUM"), language("kesa")
    ('French', 'GUM', 'kesa')
    """
    name, _, treebank = code.partition(":")
    return treebank or LANGUAGES.get(name, name)


def listing(items: Iterable[object]) -> str:
    """Join words or numbers as in a sentence.

    >>> listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    words = [str(item) for item in items]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


@dataclass(frozen=True)
class Interval:
    """The two ends of an interval.

    Attributes:
        low: In points, or in log-odds.
        high: The same.
        digits: Decimals to write.
    """

    low: float
    high: float
    digits: int = 1

    def __str__(self) -> str:
        return f"[{decimals(self.low, self.digits)}, {decimals(self.high, self.digits)}]"

    @property
    def clear(self) -> bool:
        """Whether it excludes zero.

        >>> Interval(0.2, 1.0).clear, Interval(-0.2, 1.0).clear
        (True, False)
        """
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Estimate:
    """An effect: its mean over seeds, with its 95% t interval.

    Attributes:
        value: In points, or in log-odds.
        half: Half of the interval; missing for one seed.
        n_seeds: Seeds behind it.
        digits: Decimals to write.
    """

    value: float
    half: float
    n_seeds: int
    digits: int = 1

    @classmethod
    def over(cls, values: list[float]) -> Estimate:
        """Return the mean of a value a seed, with its interval.

        >>> str(Estimate.over([1.0, 2.0, 3.0]))
        '2.0 ± 2.5'
        """
        mean = fmean(values)
        return cls(mean, t_interval(values)[1] - mean, len(values))

    def __str__(self) -> str:
        return f"{self.alone} ± {decimals(self.half, self.digits)}"

    @property
    def alone(self) -> str:
        """The mean without its interval."""
        return decimals(self.value, self.digits)

    @property
    def whole(self) -> str:
        """The mean without decimals."""
        return decimals(self.value, 0)

    @property
    def gain(self) -> Estimate:
        """The same effect with its sign turned: what an ablation adds."""
        return Estimate(-self.value, self.half, self.n_seeds, self.digits)

    @property
    def interval(self) -> Interval:
        """The ends of the interval."""
        return Interval(self.value - self.half, self.value + self.half, self.digits)

    @property
    def within(self) -> str:
        """The smallest margin, rounded up, within which the effect is equivalent to none.

        Two one-sided t tests of level .05 reject an effect as large as the margin, in either direction.

        Reference: Schuirmann (1987), "A comparison of the two one-sided tests procedure and the power
        approach for assessing the equivalence of average bioavailability".

        >>> Estimate(0.1, 0.4, 8).within
        '0.5'
        """
        narrower = float(stdtrit(self.n_seeds - 1, 0.95) / stdtrit(self.n_seeds - 1, 0.975))
        margin, scale = abs(self.value) + self.half * narrower, 10**self.digits
        return decimals(math.ceil(margin * scale - 1e-9) / scale, self.digits)

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.interval.clear


@dataclass(frozen=True)
class Placed:
    """A number and where in the model, or on which target, it was found.

    Attributes:
        number: What was found, as written or as an estimate.
        place: Layers, a level, or a target.
    """

    number: Estimate | str
    place: str

    def __str__(self) -> str:
        return f"{self.number} ({self.place})"


def named(found: Sequence[Placed]) -> str:
    """List targets with their means.

    >>> named([Placed(Estimate(22.3, 1.0, 4), "fr"), Placed("20.1", "es")])
    'French 22.3 and Spanish 20.1'
    """
    numbers = (one.number.alone if isinstance(one.number, Estimate) else one.number for one in found)
    return listing(f"{language(one.place)} {number}" for one, number in zip(found, numbers, strict=True))
