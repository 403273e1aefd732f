"""Files of text, line by line."""

from __future__ import annotations

from pathlib import Path

from layerlab.errors import DataError
from layerlab.files import read_text


def read_lines(path: Path) -> list[str]:
    r"""Return the lines of a UTF-8 file without their ends.

    Only ``\n`` and ``\r\n`` end a line: other Unicode line separators occur inside real words.

    Raises:
        DataError: The file is not there, holds nothing, or is not UTF-8.
    """
    text = read_text(path)
    if not text.strip():
        raise DataError(f"{path}: the file is empty")
    return text.split("\n")


def sent_id_of(comment: str) -> str | None:
    """Return the name that a ``# sent_id = ...`` comment gives, None for any other comment.

    >>> sent_id_of("# sent_id = n01-7"), sent_id_of("# text = sent_id")
    ('n01-7', None)
    """
    return _value_of(comment, "sent_id")


def text_of(comment: str) -> str | None:
    """Return the running text that a ``# text = ...`` comment gives, None for any other comment.

    >>> text_of("# text = 2 + 2 = 4"), text_of("# text_en = Two and two")
    ('2 + 2 = 4', None)
    """
    return _value_of(comment, "text")


def _value_of(comment: str, key: str) -> str | None:
    given, separator, value = comment.lstrip("#").partition("=")
    return value.strip() if separator and given.strip() == key else None
