"""What a shortcut is, which there are, and how they are switched.

A shortcut computes what the plain way computes, in less time or memory. It never enters an identity: the
numbers are those of the plain way within float32 rounding, and a test compares them. It says why it cannot
serve a case, and a node's record says which shortcuts it took.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

from layerlab.errors import Problem, StudyError, unknown

CaseT = TypeVar("CaseT", contravariant=True)

#: Every shortcut with what it does, in the order in which they are listed.
SHORTCUTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "trimming": "train the embedding rows that a fit's text touches, and no others",
        "fused-steps": "update weights in one pass over memory, on a CPU",
        "frozen-states": "compute the states below a frozen prefix without dropout once, for all its fits",
        "shared-prefix": "compute the layers below the first changed one once for all runs of a fit",
        "encoded-corpora": "encode a corpus once for all workers",
        "warm-fits": "evaluate a fit in the process that trained it",
        "cohorts": "train fits that see the same batches as one stacked model, where that is faster",
    }
)


class Shortcut(Protocol[CaseT]):
    """A fast path for some cases, such as the fits that it can train."""

    @property
    def name(self) -> str:
        """One of ``SHORTCUTS``."""
        ...

    def refuses(self, case: CaseT) -> str:
        """Return why it cannot serve a case, in words; empty if it can."""
        ...


@dataclass
class Taken:
    """Which shortcuts may be taken, and what became of each: kept in a node's record.

    Attributes:
        allowed: Names of those that are switched on.
        notes: Name to what it did, such as ``13,655 of 250,037 rows``, or ``refused: `` and the reason.
    """

    allowed: tuple[str, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)

    def may(self, shortcut: Shortcut[CaseT], case: CaseT) -> bool:
        """Return whether a shortcut is switched on and serves a case; why it does not is noted.

        >>> class Trimming:
        ...     name = "trimming"
        ...     def refuses(self, case):
        ...         return "" if case else "there is no text"
        >>> taken = Taken(("trimming",))
        >>> taken.may(Trimming(), False), taken.notes
        (False, {'trimming': 'refused: there is no text'})
        """
        if shortcut.name not in self.allowed:
            return False
        reason = shortcut.refuses(case)
        if reason:
            self.notes[shortcut.name] = f"refused: {reason}"
        return not reason

    def note(self, name: str, what: str) -> None:
        """Note what a shortcut did."""
        self.notes[name] = what


def read_shortcuts(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return the shortcuts that are switched on: ``all``, ``none``, some by name, or all but some.

    Raises:
        StudyError: There is no such shortcut.

    >>> read_shortcuts("none"), read_shortcuts("trimming,cohorts")
    ((), ('trimming', 'cohorts'))
    >>> read_shortcuts("-cohorts,-warm-fits")
    ('trimming', 'fused-steps', 'frozen-states', 'shared-prefix', 'encoded-corpora')
    """
    given = [one.strip() for one in names.split(",")] if isinstance(names, str) else list(names)
    if given == ["all"]:
        return tuple(SHORTCUTS)
    if given in (["none"], []):
        return ()
    named = {one.removeprefix("-") for one in given}
    for one in sorted(named - SHORTCUTS.keys()):
        raise StudyError([Problem("shortcuts", unknown("shortcut", one, ("all", "none", *SHORTCUTS)))])
    without = all(one.startswith("-") for one in given)
    return tuple(name for name in SHORTCUTS if (name in named) != without)
