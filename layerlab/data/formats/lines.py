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
    key, separator, value = comment.lstrip("#").partition("=")
    return value.strip() if separator and key.strip() == "sent_id" else None
