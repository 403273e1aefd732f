"""A family as a table: how its languages differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from layerlab.languages.language import Family, Language

_COLUMNS: Final[tuple[tuple[str, Callable[[Language], str]], ...]] = (
    ("script", lambda language: language.script),
    ("order", lambda language: language.order),
    ("adjective", lambda language: language.adjectives),
    ("genitive", lambda language: language.genitives),
    ("relative", lambda language: language.relatives),
    ("adposition", lambda language: language.adpositions),
    ("articles", lambda language: language.articles),
    ("case", lambda language: language.case),
    ("tense", lambda language: language.tense),
    ("agreement", lambda language: "+".join(language.agreement) or "none"),
    ("prodrop", lambda language: "yes" if language.prodrop else "no"),
    ("cognates", lambda language: f"{language.cognates.share:.0%}"),
    (
        "loans",
        lambda language: f"{language.loans.share:.0%} {language.loans.source}" if language.loans else "none",
    ),
)


def typology_table(family: Family) -> str:
    """Show what each language is like, one a line; sides are those of the noun on which a part stands.

    >>> from layerlab.languages.family import parse_family
    >>> print(typology_table(parse_family("languages: {mira: {order: SOV}}")).splitlines()[0][:22])
    language  script  orde
    """
    head = ("language", *(title for title, _ in _COLUMNS))
    rows = [head]
    for name, language in family.languages.items():
        rows.append((name, *(tell(language) for _, tell in _COLUMNS)))
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
