"""What the command line says of an error, where the traceback goes, and the exit status."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Final

from layerlab.commands.arguments import INTERRUPTED, SOME_FAILED, WRONG
from layerlab.disk import describe_error
from layerlab.errors import LayerlabError, Problem, first_line
from layerlab.names import visible

BUG: Final = 70
DEBUG: Final = "LAYERLAB_DEBUG"
# Errors of the system that another path mends; the others are the machine's.
_OF_PATHS: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.EACCES,
     errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}
)  # fmt: skip


def report_error(error: BaseException) -> int:
    """Say in a line what went wrong, and return the exit status.

    The traceback of what is no error of layerlab's is kept in a file, and shown if ``LAYERLAB_DEBUG`` is set.
    """
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    status, message = explain(error)
    if not isinstance(error, LayerlabError) and (kept := _keep_traceback(error)) is not None:
        message = f"{message}\n       the traceback is in {kept}; --debug shows it here"
    print(visible(f"error: {message}", keep="\n\t"), file=sys.stderr)
    return status


def explain(error: BaseException) -> tuple[int, str]:
    """Return the exit status of an error, and what happened in words.

    >>> explain(FileNotFoundError(2, "No such file or directory", "a.txt"))
    (2, 'a.txt: No such file or directory')
    >>> explain(KeyError("layers"))
    (70, "KeyError: 'layers'; this should not happen: it is a mistake of layerlab, not yours")
    """
    if isinstance(error, LayerlabError):
        return WRONG, str(error)
    if isinstance(error, OSError):
        return WRONG if error.errno in _OF_PATHS else SOME_FAILED, describe_error(error)
    if type(error).__name__ == "ValidationError":
        return WRONG, "; ".join(map(str, _problems(error)))
    if isinstance(error, UnicodeDecodeError):
        return WRONG, f"text that is not UTF-8 was read ({error.reason} at byte {error.start})"
    if isinstance(error, UnicodeError):
        return WRONG, f"text that cannot be written was read ({error})"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return SOME_FAILED, f"out of memory; a smaller batch needs less ({first_line(str(error))})"
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("layerlab"):
        return SOME_FAILED, f"the package {error.name} is needed and not installed"
    if isinstance(error, RecursionError):
        return WRONG, "the input is nested too deeply"
    said = f"{type(error).__name__}: {first_line(str(error))}"
    return BUG, f"{said}; this should not happen: it is a mistake of layerlab, not yours"


def _problems(error: BaseException) -> list[Problem]:
    """Return what pydantic says of values that a verb was given."""
    from pydantic import ValidationError

    from layerlab.validation import problems_of

    return problems_of(error, None) if isinstance(error, ValidationError) else [Problem("", str(error))]


def _keep_traceback(error: BaseException) -> Path | None:
    """Write a traceback to a file; None where no file can be written."""
    text = "".join(traceback.format_exception(error))
    try:
        descriptor, name = tempfile.mkstemp(prefix="layerlab-", suffix=".txt")
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return None
    return Path(name)
