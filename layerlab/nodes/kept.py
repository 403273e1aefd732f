"""What a worker keeps in memory between nodes, within a budget of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

#: Bytes of fits, and of encoded corpora, that a worker keeps beside what it works on.
ROOM: Final = 2 << 30
CORPORA_ROOM: Final = 1 << 30


@dataclass
class _Thing:
    """One thing that is kept."""

    value: Any
    n_bytes: int
    used: bool


@dataclass
class Kept:
    """Heavy things that a worker keeps between nodes, such as fits that runs evaluate.

    The thing that was used last stays, whatever its size. Others stay while all of them fit in the room.
    When room is needed, what was used before goes first, the least recently used of it; then what was put
    here for nodes to come.

    Attributes:
        room: Bytes of all things together.
    """

    room: int = ROOM
    _things: OrderedDict[Hashable, _Thing] = field(default_factory=OrderedDict, repr=False)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._things

    @property
    def n_bytes(self) -> int:
        """Bytes of what is kept."""
        return sum(thing.n_bytes for thing in self._things.values())

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int] | None = None) -> T:
        """Return what is kept under a key, or make it.

        Args:
            key: Says what it is, such as the id of a fit.
            make: Makes it, after the room for it was made.
            size: Its bytes; without it nothing else is kept beside it.

        >>> kept = Kept(room=10)
        >>> kept.get("a", lambda: "text", len), kept.get("a", lambda: "not made", len)
        ('text', 'text')
        >>> kept.get("b", lambda: "longer text", len), "a" in kept
        ('longer text', False)
        """
        if key not in self._things:
            # Its size is not known yet: it is taken to be the size of the largest thing here.
            largest = max((thing.n_bytes for thing in self._things.values()), default=0)
            self._make_room(self.room + 1 if size is None else largest)
            value = make()
            self._things[key] = _Thing(value, self.room if size is None else size(value), True)
            self._make_room(0, but=key)
        thing = self._things[key]
        thing.used = True
        self._things.move_to_end(key)
        return cast(T, thing.value)

    def put(self, key: Hashable, value: Any, n_bytes: int) -> bool:
        """Keep something for nodes to come; return whether there is room for it.

        What was put here and not used yet is not driven out by it.

        >>> kept = Kept(room=10)
        >>> kept.put("a", "text", 4), kept.put("b", "longer text", 8), kept.put("c", "more", 4)
        (True, False, True)
        """
        waiting = sum(thing.n_bytes for one, thing in self._things.items() if not thing.used and one != key)
        if waiting + n_bytes > self.room:
            self.drop(key)
            return False
        self.drop(key)
        self._make_room(n_bytes)
        self._things[key] = _Thing(value, n_bytes, False)
        return True

    def look(self, key: Hashable) -> Any:
        """Return what is kept under a key, or None; it does not count as used."""
        thing = self._things.get(key)
        return None if thing is None else thing.value

    def use_all(self) -> None:
        """Take everything for used: the nodes that it was kept for are no longer to come."""
        for thing in self._things.values():
            thing.used = True

    def drop_used(self) -> None:
        """Forget what was used: something large is about to be made."""
        for key in [key for key, thing in self._things.items() if thing.used]:
            del self._things[key]

    def drop(self, key: Hashable) -> None:
        """Forget what is kept under a key, if anything is."""
        self._things.pop(key, None)

    def _make_room(self, n_bytes: int, but: Hashable = None) -> None:
        """Drop things until so many bytes are free, or only one that is spared is left."""
        order = sorted(self._things.items(), key=lambda item: not item[1].used)
        for key, _ in order:
            if self.n_bytes + n_bytes <= self.room:
                return
            if key != but:
                del self._things[key]


@dataclass(frozen=True)
class Memory:
    """What a worker keeps from one unit of work to the next.

    Attributes:
        fits: Fits that runs evaluate.
        corpora: Tokenizers and encoded corpora.
    """

    fits: Kept = field(default_factory=Kept)
    corpora: Kept = field(default_factory=lambda: Kept(CORPORA_ROOM))
