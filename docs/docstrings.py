"""Docstrings as Markdown: examples become blocks of code, and roles like ``:func:`` code or links."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import griffe

# An example: a line with a prompt, and all lines to the next empty one.
EXAMPLE = re.compile(r"^( *)>>> .*(?:\n\1(?=\S| ).+)*", re.MULTILINE)
ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):`~?([\w.]+)`")


class Docstrings(griffe.Extension):
    """Rewrites every docstring when its object is found."""

    def on_object(self, *, obj: griffe.Object, **rest: Any) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    r"""Return a docstring as Markdown.

    >>> as_markdown("See :func:`layerlab.files.read_text`.")
    'See [`read_text`][layerlab.files.read_text].'
    >>> as_markdown(">>> 1 + 1\n2").splitlines()
    ['```pycon', '>>> 1 + 1', '2', '```']
    """

    def fenced(match: re.Match[str]) -> str:
        return textwrap.indent(f"```pycon\n{textwrap.dedent(match[0])}\n```", match[1])

    def linked(match: re.Match[str]) -> str:
        name = match[1].rpartition(".")[2]
        return f"[`{name}`][{match[1]}]" if match[1].startswith("layerlab.") else f"`{name}`"

    return ROLE.sub(linked, EXAMPLE.sub(fenced, text))
