"""The selection grammar: which layers of an encoder, written as text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from layerlab.errors import SelectionError

GRAMMAR = (
    "embeddings, N, N-M, first:K, last:K, all, even, odd, shared, top, rest, everything, joined by commas "
    "(layers count from 0), perhaps after the one language whose own parts are meant, as in en:0-2"
)
# A language is anything else than the terms that have a colon.
_LANGUAGE = re.compile(r"(?!(?:first|last):)([^:,]+):(.+)")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
_WORDS = ("embeddings", "all", "even", "odd", "shared", "top", "rest", "everything")
_END = re.compile(r"(first|last):(\d+)")


@dataclass(frozen=True)
class Layers:
    """A selection of an encoder's layers, such as ``"embeddings,0-2,11"``.

    Layers count from 0 and ranges include both ends; ``last:2`` takes the last two layers of whatever
    depth. ``all`` means every layer and nothing else. ``shared`` is what several layers use, ``top`` what
    comes after the last one; ``rest`` takes of both what an encoder has, and ``everything`` takes all of its
    parts. Layer ``i`` gives ``hidden_states[i + 1]``.

    Of an encoder with parts by language, ``en:0-2`` selects those that English has of its own; a selection
    without a language those of all languages.

    Attributes:
        text: The selection without spaces.

    Raises:
        SelectionError: The text is not of the grammar.

    >>> Layers("embeddings, 0-2, last:1").resolve(12).text
    'embeddings,0-2,11'
    >>> Layers("everything").resolve(12).text
    'embeddings,0-11,rest'
    """

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", re.sub(r"\s+", "", self.text))
        for term in self._inside.split(","):
            _check(term, self.text)

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, value: Layers | str | int | Iterable[int | str]) -> Layers:
        """Read a selection from text, one index, or a list of indices and terms.

        >>> Layers.parse([0, 1, "last:1"])
        Layers(text='0,1,last:1')

        Raises:
            SelectionError: The value is not of the grammar.
        """
        if isinstance(value, Layers):
            return value
        if isinstance(value, str):
            return cls(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return cls(str(value))
        if isinstance(value, list | tuple | range | set | frozenset):
            items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
            return cls(",".join(str(item) for item in items))
        raise SelectionError(f"cannot select layers by {value!r}; expected {GRAMMAR}")

    @property
    def language(self) -> str:
        """The language whose own parts are selected; empty for those of all languages.

        >>> Layers("en:embeddings,0-2").language, Layers("last:2").language
        ('en', '')
        """
        found = _LANGUAGE.fullmatch(self.text)
        return found[1] if found else ""

    @property
    def _inside(self) -> str:
        """The selection without its language."""
        found = _LANGUAGE.fullmatch(self.text)
        return found[2] if found else self.text

    @property
    def embeddings(self) -> bool:
        """Whether the embeddings are selected."""
        return "embeddings" in self._terms

    @property
    def shared(self) -> bool:
        """Whether what layers share is selected, perhaps as far as it exists."""
        return bool(self._terms & {"shared", "rest"})

    @property
    def top(self) -> bool:
        """Whether what comes after the last layer is selected, perhaps as far as it exists."""
        return bool(self._terms & {"top", "rest"})

    @property
    def beside(self) -> tuple[str, ...]:
        """The terms of a resolved selection that are no layers, in their order."""
        names = ("embeddings", "rest") if "rest" in self._terms else ("embeddings", "shared", "top")
        return tuple(name for name in names if name in self._terms)

    @property
    def first(self) -> int | None:
        """The lowest part of a resolved selection: a layer, or -1 for the embeddings; None without either."""
        return -1 if self.embeddings else min(self._plain_indices(), default=None)

    @property
    def last(self) -> int | None:
        """The highest layer of a resolved selection, or -1 for the embeddings alone; None without either."""
        return max(self._plain_indices(), default=-1 if self.embeddings else None)

    def indices(self, n_layers: int) -> tuple[int, ...]:
        """Return the selected layers of an encoder of ``n_layers``, ascending, without the embeddings.

        Raises:
            SelectionError: A layer does not exist, or nothing is selected.
        """
        found: set[int] = set()
        for term in self._inside.split(","):
            found.update(_expand(term, n_layers, self.text))
        if not found and not self.beside:
            raise SelectionError(f"{self.text!r} selects nothing in an encoder of {_depth(n_layers)}")
        return tuple(sorted(found))

    def resolve(self, n_layers: int) -> Layers:
        """Return the canonical selection for one depth: ``embeddings``, merged ranges, then other parts.

        >>> Layers("3,even").resolve(5), Layers("last:2,all").resolve(4)
        (Layers(text='0,2-4'), Layers(text='0-3'))

        Raises:
            SelectionError: A layer does not exist, or nothing is selected.
        """
        terms = ["embeddings"] if self.embeddings else []
        others = [name for name in self.beside if name != "embeddings"]
        resolved = ",".join([*terms, *_runs(self.indices(n_layers)), *others])
        return Layers(f"{self.language}:{resolved}" if self.language else resolved)

    @property
    def _terms(self) -> set[str]:
        terms = set(self._inside.split(","))
        return terms | {"embeddings", "all", "rest"} if "everything" in terms else terms

    def _plain_indices(self) -> tuple[int, ...]:
        """The indices of a selection that needs no depth."""
        beside = {"embeddings", "shared", "top", "rest"}
        terms = [term for term in self._inside.split(",") if term not in beside]
        if not all(_RANGE.fullmatch(term) for term in terms):
            raise SelectionError(f"{self.text!r} depends on the depth; call resolve(n_layers) first")
        bounds = [int(number) for term in terms for number in term.split("-")]
        return self.indices(max(bounds) + 1) if bounds else ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.to_string_ser_schema(when_used="always")
        )


def union(selections: Iterable[Layers]) -> Layers | None:
    """Return what any of the selections takes; None for none.

    Selections that need no depth are merged; others are joined as they stand. The language stays if it is
    that of all of them.

    >>> union([Layers("0-2"), Layers("embeddings,3")]), union([Layers("0"), Layers("last:1")])
    (Layers(text='embeddings,0-3'), Layers(text='0,last:1'))
    """
    several = list(selections)
    terms = list(dict.fromkeys(term for selection in several for term in selection._inside.split(",")))
    if not terms:
        return None
    languages = {selection.language for selection in several}
    language = languages.pop() if len(languages) == 1 else ""
    joined = Layers((f"{language}:" if language else "") + ",".join(terms))
    try:
        last = joined.last
    except SelectionError:
        return joined
    return joined.resolve(0 if last is None else last + 1)


def windows(n_layers: int, size: int = 1, stride: int | None = None) -> list[Layers]:
    """Return consecutive windows over the layers, from layer 0 up.

    Every layer from 0 on is covered when the stride is at most the size: the last window is then
    shorter if the layers do not divide evenly.

    >>> [str(window) for window in windows(5, 2)]
    ['0-1', '2-3', '4']

    Args:
        n_layers: Depth of the encoder.
        size: Layers in a window.
        stride: Layers from one window's start to the next; the size if None.

    Raises:
        SelectionError: A window is empty, or larger than the encoder.
    """
    stride = size if stride is None else stride
    if size < 1 or stride < 1:
        raise SelectionError(
            f"a window has at least 1 layer and a stride of at least 1, got {size}, {stride}"
        )
    if size > n_layers:
        raise SelectionError(f"a window of {size} layers does not fit an encoder of {_depth(n_layers)}")
    # No window begins after one that reaches the last layer.
    starts = range(0, min(n_layers, n_layers - size + stride), stride)
    ends = [min(start + size, n_layers) - 1 for start in starts]
    return [Layers(str(a) if a == b else f"{a}-{b}") for a, b in zip(starts, ends, strict=True)]


def _check(term: str, text: str) -> None:
    """Refuse a term that is not of the grammar."""
    if term in _WORDS:
        return
    if bounds := _RANGE.fullmatch(term):
        if bounds[2] is not None and int(bounds[2]) < int(bounds[1]):
            raise SelectionError(f"{term!r} in {text!r} runs backwards; write {bounds[2]}-{bounds[1]}")
        return
    if end := _END.fullmatch(term):
        if int(end[2]) < 1:
            raise SelectionError(f"{term!r} in {text!r} selects nothing; K is at least 1")
        return
    if term.startswith("-"):
        raise SelectionError(f"negative layer {term!r} in {text!r}; write last:K for the last K layers")
    raise SelectionError(f"cannot read {term!r} in the selection {text!r}; expected {GRAMMAR}")


def _expand(term: str, n_layers: int, text: str) -> range:
    """Return the layers of one term."""
    if term in _WORDS:
        some = {"all": (0, 1), "everything": (0, 1), "even": (0, 2), "odd": (1, 2)}
        start, step = some.get(term, (n_layers, 1))
        return range(start, n_layers, step)
    if end := _END.fullmatch(term):
        count = int(end[2])
        if count > n_layers:
            raise SelectionError(f"{term!r} in {text!r} asks for {count} of {_depth(n_layers)}")
        return range(count) if end[1] == "first" else range(n_layers - count, n_layers)
    bounds = [int(number) for number in term.split("-")]
    if bounds[-1] >= n_layers:
        raise SelectionError(
            f"there is no layer {bounds[-1]} (selection {text!r}): "
            f"an encoder of {_depth(n_layers)} has layers 0-{n_layers - 1}, and embeddings"
        )
    return range(bounds[0], bounds[-1] + 1)


def _runs(indices: tuple[int, ...]) -> list[str]:
    """Write ascending indices as ranges: (0, 1, 3) as ["0-1", "3"]."""
    if not indices:
        return []
    breaks = [k for k, (a, b) in enumerate(pairwise(indices), start=1) if b != a + 1]
    starts, ends = [0, *breaks], [*breaks, len(indices)]
    groups = [(indices[start], indices[end - 1]) for start, end in zip(starts, ends, strict=True)]
    return [str(first) if first == last else f"{first}-{last}" for first, last in groups]


def _depth(n_layers: int) -> str:
    return "1 layer" if n_layers == 1 else f"{n_layers} layers"
