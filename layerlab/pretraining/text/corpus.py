"""Text files to packed sequences: read, encode once, cut into blocks, hold some out."""

from __future__ import annotations

import lzma
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from layerlab.errors import DataError, unknown
from layerlab.files import digest_file
from layerlab.models.stored.remembered import remembered

Tokens = NDArray[np.int32]

_ENCODED_AT_ONCE = 2_000


def check_corpora(corpora: Mapping[str, Sequence[Path]], kinds: Sequence[str] = ("txt", "tsv")) -> None:
    """Check that every corpus file is there and has one of the endings, each also with ``.xz`` after it.

    Raises:
        DataError: Naming every file that is missing or of an unknown kind.
    """
    problems = []
    for language, files in corpora.items():
        for file in files:
            if file.name.removesuffix(".xz").rpartition(".")[2] not in kinds:
                expected = " or ".join(", ".join(f".{kind}, .{kind}.xz" for kind in kinds).rsplit(", ", 1))
                problems.append(f"{language}: {file}: expected {expected}")
            elif not file.is_file():
                there = [path.name for path in file.parent.iterdir()] if file.parent.is_dir() else []
                problems.append(f"{language}: no such file {file}; {unknown('file', file.name, there)}")
    if problems:
        raise DataError("corpora: " + "\n  ".join(problems))


def read_paragraphs(file: Path, drop: Sequence[str] = ()) -> Iterator[str]:
    """Yield the paragraphs of a ``.txt`` or ``.tsv``, plain or ``.xz``, without empty ones.

    Raises:
        DataError: As ``read_rows``, for a ``.tsv``.
    """
    if file.name.removesuffix(".xz").endswith(".tsv"):
        yield from (text for _, text in read_rows(file, drop))
        return
    with _read(file) as lines:
        for line in lines:
            if text := line.strip():
                yield text


def read_rows(file: Path, drop: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield id and text of the rows (id TAB text) of a ``.tsv`` or ``.tsv.xz``, without empty texts.

    Ids in ``drop`` are left out; ``Gen.3`` also drops ``Gen.3.1``.

    Raises:
        DataError: A line that has not exactly one tab; names file and line.
    """
    dropped = frozenset(drop)
    with _read(file) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            columns = line.rstrip("\n").split("\t")
            if len(columns) != 2:
                raise DataError(f"{file}:{number}: expected id TAB text, got {len(columns)} columns")
            identifier, text = columns[0], columns[1].strip()
            if text and not (dropped and _is_dropped(identifier, dropped)):
                yield identifier, text


@dataclass(frozen=True)
class Extent:
    """How much text there is.

    Attributes:
        paragraphs: Lines with text.
        characters: In them, at most, whichever way a tokenizer normalises them.
    """

    paragraphs: int
    characters: int


def measure_text(file: Path, drop: Sequence[str] = ()) -> Extent:
    """Read a text once on a machine, and return how much it holds.

    Raises:
        DataError: It cannot be read.
    """

    def count() -> dict[str, Any]:
        paragraphs = characters = 0
        for text in read_paragraphs(file, drop):
            paragraphs += 1
            characters += len(text if text.isascii() else unicodedata.normalize("NFKD", text))
        return {"paragraphs": paragraphs, "characters": characters}

    identity = f"{digest_file(file)} {file.name} {sorted(drop)}"
    return Extent(**remembered("text", identity, count))


@contextmanager
def _read(file: Path) -> Iterator[TextIO]:
    """Open a text; that it is none, or was cut off, shows while it is read."""
    try:
        with (
            lzma.open(file, "rt", encoding="utf-8")
            if file.suffix == ".xz"
            else file.open(encoding="utf-8") as lines
        ):
            yield lines
    except (lzma.LZMAError, EOFError) as error:
        raise DataError(
            f"{file}: not a whole .xz file ({str(error).rstrip('.')}); was it cut off?"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file}: not UTF-8 (byte {error.object[error.start]:#04x}, {error.reason}); expected UTF-8"
        ) from error


def _is_dropped(identifier: str, dropped: frozenset[str]) -> bool:
    parts = identifier.split(".")
    return any(".".join(parts[:end]) in dropped for end in range(1, len(parts) + 1))


def encode(texts: Sequence[str], tokenizer: Any) -> Tokens:
    """Encode paragraphs into token ids of shape ``(tokens,)``, with the separator after each paragraph."""
    separator = np.array([tokenizer.sep_token_id], dtype=np.int32)
    parts: list[Tokens] = []
    for start in range(0, len(texts), _ENCODED_AT_ONCE):
        batch = list(texts[start : start + _ENCODED_AT_ONCE])
        for encoding in tokenizer.backend_tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            parts.extend((np.array(encoding.ids, dtype=np.int32), separator))
    return np.concatenate(parts)


def pack(stream: Tokens, sequence_length: int, first: int, filler: int) -> Tokens:
    """Cut a stream into sequences that all begin with one special token and lose none of the stream.

    The first token (``[CLS]``) counts; a filler (``[SEP]``) completes the last sequence.

    Returns:
        Token ids of shape ``(sequences, sequence_length)``.

    >>> pack(np.array([5, 6, 7], dtype=np.int32), 3, first=1, filler=2).tolist()
    [[1, 5, 6], [1, 7, 2]]
    """
    width = sequence_length - 1
    n_sequences = -(-len(stream) // width)
    body = np.full(n_sequences * width, filler, dtype=np.int32)
    body[: len(stream)] = stream
    front = np.full((n_sequences, 1), first, dtype=np.int32)
    return np.concatenate([front, body.reshape(n_sequences, width)], axis=1)


@dataclass(frozen=True)
class Packed:
    """The sequences of one language.

    Attributes:
        train: Token ids of shape ``(sequences, sequence_length)``.
        held_out: Token ids of the same width that no step trains on.
    """

    train: Tokens
    held_out: Tokens


def hold_out(sequences: Tokens, n_held_out: int, language: str) -> Packed:
    """Hold out evenly spaced sequences.

    Raises:
        DataError: Holding out so many would leave fewer than half of the sequences.
    """
    if n_held_out * 2 > len(sequences):
        raise DataError(
            f"{language}: {len(sequences)} packed sequences, too few to hold out {n_held_out}; "
            "expected at least twice as many. Give more text or lower held_out_sequences"
        )
    held = np.linspace(0, len(sequences) - 1, n_held_out + 2).round().astype(int)[1:-1]
    keep = np.ones(len(sequences), dtype=bool)
    keep[held] = False
    return Packed(sequences[keep], sequences[held])
