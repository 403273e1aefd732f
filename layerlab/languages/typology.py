"""A family as a table: how its languages differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Final

from layerlab.languages.language import Family, Language

#: Title of a column and what stands in it.
_COLUMNS: Final[Mapping[str, Callable[[Language], str]]] = {
    **{name: attrgetter(name) for name in ("script", "order")},
    **{kind: attrgetter(f"{kind}s") for kind in ("adjective", "genitive", "relative", "adposition")},
    **{name: attrgetter(name) for name in ("articles", "case", "tense")},
    "agreement": lambda language: "+".join(language.agreement) or "none",
    "prodrop": lambda language: "yes" if language.prodrop else "no",
    "cognates": lambda language: f"{language.cognates.share:.0%}",
    "loans": lambda one: f"{one.loans.share:.0%} {one.loans.source}" if one.loans else "none",
}


def typology_table(family: Family) -> str:
    """Show what each language is like, one a line; sides are those of the noun on which a part stands.

    >>> from layerlab.languages.family import parse_family
    >>> print(typology_table(parse_family("languages: {mira: {order: SOV}}")).splitlines()[0][:22])
    language  script  orde
    """
    rows = [("language", *_COLUMNS)]
    rows += [(name, *(show(one) for show in _COLUMNS.values())) for name, one in family.languages.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
