"""How scores of ours go with scores that others published."""

from __future__ import annotations

from collections.abc import Mapping

from layerlab.analysis.transfer.correlation import spearman
from results.numbers.effects import Study
from results.numbers.forms import fraction


def agreement(one: Study, theirs: Mapping[str, str]) -> str:
    """Write Spearman's rho of a study's baseline and published scores over languages, with its interval.

    Args:
        one: The study.
        theirs: Score by language, as written in ``given.yaml``.
    """
    ours = [float(one.score(target)) for target in theirs]
    found = spearman(ours, list(map(float, theirs.values())))
    return f"{fraction(found['rho'])} [{fraction(found['low'])}, {fraction(found['high'])}]"
