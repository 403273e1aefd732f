"""HTML as values: elements that escape their text, so that no name in a study can become markup."""

from __future__ import annotations

from html import escape

from layerlab.names import visible

_VOID = frozenset({"br", "hr", "img", "meta"})


class Html(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | int | bool | None) -> Html:
    """Make an element; plain text in it is escaped, ``Html`` is kept as it is.

    Args:
        name: Its name, such as ``p``.
        *children: What it contains.
        **attributes: Its attributes; ``class_`` stands for ``class`` and ``_`` for ``-``. None and False are
            left out, True is written without a value.

    >>> print(element("p", "a < b ", element("b", "bold"), class_="note"))
    <p class="note">a &lt; b <b>bold</b></p>
    >>> print(element("img", src="data:,", alt='"quoted"'))
    <img src="data:," alt="&quot;quoted&quot;">
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: tuple[str, ...] | list[str], separator: str = "") -> Html:
    """Join texts and elements.

    >>> print(join(["a & b", element("b", "c")], ", "))
    a &amp; b, <b>c</b>
    """
    return Html(separator.join(part if isinstance(part, Html) else _plain(part) for part in parts))


def _attribute(name: str, value: str | int | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = name.strip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{_plain(str(value))}"'


def _plain(text: str) -> str:
    return escape(visible(text, keep="\n\t"))
