"""Templates become texts, and every number of a text is an expression.

``results/README.md`` is the whole of its template. In other pages a part between
``<!-- made of texts/NAME.md.j2 -->`` and ``<!-- end -->`` is.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from textwrap import fill
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from ruamel.yaml import YAML

from layerlab.analysis.significance.effects import LEVEL
from layerlab.errors import RecordsError
from results.numbers.effects import Study, study
from results.numbers.folders import RESULTS, settings
from results.numbers.forms import fraction, language, listing, named
from results.numbers.levels import levels, rho
from results.numbers.pairs import pairs
from results.numbers.published import agreement
from results.numbers.trajectories import trajectories

ROOT = RESULTS.parent
README = "README.md.j2"
#: Pages with parts that are made of templates.
PAGES = ("README.md", "docs/encoders.md", "docs/measures.md")
_PART = re.compile(r"(<!-- made of (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])\d*\.\d+|\b(?!95%)\d+(?= (?:points?|per cent)\b|%)")
_KEPT = "\u00a0±\u00a0"  # while lines are filled
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)


def made_texts() -> dict[Path, str]:
    """Return every file that is made of templates, wholly or in part, and its text."""
    found = {RESULTS / "README.md": render(README)}
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        found[ROOT / page] = _PART.sub(lambda part: part[1] + render(part[2]) + part[3], text)
    return found


def render(template: str) -> str:
    """Fill in a template of ``results/``.

    Raises:
        RecordsError: It asks for a study, ablation, layer, target or measure that is not there.
        jinja2.TemplateError: It is not a template, or uses a name that is not known.
    """
    text = _environment().get_template(template).render().strip("\n")
    return "\n\n".join(_filled(part) for part in re.split(r"\n{2,}", text)) + "\n"


def _filled(part: str) -> str:
    r"""Fill the lines of a paragraph or a list; leave tables, headings and figures as they are.

    >>> _filled("One\nline.\n- An item\n  of two."), _filled("| a |\n| b |")
    ('One line.\n- An item of two.', '| a |\n| b |')
    """
    if part.startswith(("|", "#", "<")):
        return part
    items = re.split(r"\n(?=- )", part)
    return "\n".join(_fill(" ".join(item.split()), "  " * item.startswith("- ")) for item in items)


def _fill(text: str, indent: str) -> str:
    whole = text.replace(" ± ", _KEPT)
    lines = fill(whole, 118, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines.replace(_KEPT, " ± ")


def templates() -> list[Path]:
    """Return all templates."""
    return [RESULTS / README, *sorted((RESULTS / "texts").glob("*.j2"))]


def loose_numbers(template: str) -> list[str]:
    """Find decimal numbers, points and percentages that stand in a template as they are.

    >>> loose_numbers("{# 1.5 #}{{ one.drop('0-1') }} of 99.9, q < .05, 5% and 3 points in 12 layers, `a.b`")
    ['99.9', '.05', '5', '3']
    """
    return _NUMBER.findall(_COMMENT.sub("", template))


def claim(*conditions: bool) -> str:
    """Write nothing where all that a sentence says of its numbers holds.

    Raises:
        RecordsError: It does not hold any more.
    """
    if not all(conditions):
        held = ", ".join(str(bool(one)) for one in conditions)
        raise RecordsError(f"a text claims what the records do not show: its conditions are {held}")
    return ""


@cache
def _environment() -> Environment:
    # Texts are Markdown, and all that is filled in comes from this repository.
    environment = Environment(
        loader=FileSystemLoader(RESULTS),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(
        study=study,
        levels=levels,
        rho=rho,
        pairs=pairs,
        agreement=agreement,
        trajectories=trajectories,
        settings=settings,
        claim=claim,
        given=_given(),
        level=fraction(LEVEL),
    )
    environment.filters.update(
        language=language, listing=listing, named=named, thousands="{:,}".format, score_in=_score_in
    )
    return environment


def _score_in(target: str, study: Study) -> str:
    """Write the baseline's score on a target."""
    return study.score(target)


def _given() -> Any:
    """Read what stands in no record."""
    return YAML(typ="safe").load(RESULTS / "texts/given.yaml")
