"""The unit of effects: how their numbers are written, on either scale."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from layerlab.analysis.effects.scales import LOG_ODDS, POINTS, Scale
from layerlab.errors import RecordsError


@dataclass(frozen=True)
class Unit:
    """A scale as tables and figures show it.

    Attributes:
        scale: Name of the scale.
        factor: What numbers of the scale are multiplied with.
        decimals: How many are shown.
        smallest: Difference that gets the strongest colour at least, so that noise does not look like an
            effect.
    """

    scale: Scale
    factor: float
    decimals: int
    smallest: float

    @property
    def words(self) -> str:
        """What it is called."""
        return self.scale

    @property
    def gap(self) -> str:
        """What a gap is a difference of."""
        return "score" if self.scale == POINTS else "log-odds of the score"

    @property
    def least(self) -> float:
        """The smallest number that is not written as 0."""
        return 0.5 * 10.0**-self.decimals

    def show(self, number: float) -> str:
        """Write a number without negative zero; ``-`` for what is missing.

        >>> IN_POINTS.show(-0.04), IN_POINTS.show(12.34), IN_LOG_ODDS.show(0.5), IN_POINTS.show(float("nan"))
        ('0.0', '12.3', '0.50', '-')
        """
        if number != number:
            return "-"
        text = f"{number:.{self.decimals}f}"
        return text.removeprefix("-") if not any(digit in text for digit in "123456789") else text

    def margin(self, number: float) -> str:
        """Write a margin of the scale with its unit.

        >>> IN_POINTS.margin(0.01), IN_POINTS.margin(0.005), IN_LOG_ODDS.margin(0.1)
        ('1 point', '0.5 points', '0.1 log-odds')
        """
        text = f"{self.factor * number:g}"
        return f"{text} {'point' if text == '1' and self.scale == POINTS else self.words}"


IN_POINTS = Unit(POINTS, 100.0, 1, 1.0)
IN_LOG_ODDS = Unit(LOG_ODDS, 1.0, 2, 0.1)
_UNITS = {unit.scale: unit for unit in (IN_POINTS, IN_LOG_ODDS)}


def unit_named(scale: Scale) -> Unit:
    """Return the unit of a scale."""
    return _UNITS[scale]


def unit_of(effect: pd.DataFrame) -> Unit:
    """Return the unit of some effects; points where an older version wrote them.

    Raises:
        RecordsError: They have several scales.
    """
    scales = set(effect["scale"]) if "scale" in effect.columns else set()
    if len(scales) > 1:
        raise RecordsError(
            f"effects on several scales ({', '.join(sorted(scales))}) cannot be shown together: keep one"
        )
    return _UNITS[scales.pop()] if scales else IN_POINTS
