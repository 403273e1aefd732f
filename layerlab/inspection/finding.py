"""What a look at a checkpoint found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["good", "doubtful", "broken"]
_WORST_FIRST: Final[tuple[Verdict, ...]] = ("broken", "doubtful", "good")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: What was looked at.
        verdict: ``good``; ``doubtful``, which a reader should know; or ``broken``.
        found: What there is.
        language: Of which language's text; empty if of none.
    """

    what: str
    verdict: Verdict
    found: str
    language: str = ""


@dataclass(frozen=True)
class Inspection:
    """All findings of a checkpoint.

    Attributes:
        name: The checkpoint as it was named.
        findings: In the order in which they were made.
    """

    name: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings' verdicts.

        >>> Inspection("mine", (Finding("loads", "good", "yes"), Finding("pad", "broken", "0 and 1"))).verdict
        'broken'
        """
        return worst([one.verdict for one in self.findings])

    def __str__(self) -> str:
        rows = [("", "looked at", "language", "found")]
        rows += [(one.verdict, one.what, one.language, one.found) for one in self.findings]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
            for row in rows
        ]
        n_worst = sum(one.verdict == self.verdict for one in self.findings)
        end = f": {n_worst} of {len(self.findings)} findings" if self.verdict != "good" else ""
        return "\n".join([*(line.rstrip() for line in lines), f"{self.name} is {self.verdict}{end}"])


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the worst of some verdicts; good if there are none."""
    return min(verdicts, key=_WORST_FIRST.index, default="good")
