"""Leases in an object store, which has neither locks nor renames, only files that one process alone creates.

The lease of a node is a number: file ``leases/<id>/<n>`` belongs to who created it, and nobody writes it
again. Its holder rewrites a file of its own beside it, so that others see it live. Who has seen no change
there for long creates number n + 1, and has the lease; who finds a higher number, or not its own, has lost
it. No clock is compared with another host's.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from layerlab.nodes.store.lease import LeaseLost, check_held, kept
from layerlab.nodes.store.mirror.remote import Remote
from layerlab.processes import neighbourhood

HEARTBEAT_SECONDS = 20.0
# A holder is given up after this silence.
STALE_SECONDS = 180.0
_FOLDER: Final = "leases"


@dataclass(frozen=True)
class RemoteLease:
    """A lease that this process was given.

    Attributes:
        remote: Where it is.
        node_id: Of which node.
        number: Its number.
        token: What its file holds; unique to this claim.
    """

    remote: Remote
    node_id: str
    number: int
    token: str
    _stop: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)
    _lost: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Whose lease it is, and where."""
        return f"the lease of {self.node_id} at {self.remote.url}"

    @property
    def is_lost(self) -> bool:
        """Whether another process was found to have taken it over; asks nobody."""
        return self._lost.is_set()

    def look(self) -> None:
        """Ask whether the lease is still this process's.

        Raises:
            LeaseLost: It is not.
        """
        numbers = _numbers(self.remote.signs(f"{_FOLDER}/{self.node_id}"))
        data = self.remote.read(self._file) if max(numbers, default=0) == self.number else None
        if data is None or json.loads(data).get("token") != self.token:
            self._lost.set()
        check_held(self)

    def beat(self) -> None:
        """Show that the holder lives until the lease is given back."""
        spoken, number = time.monotonic(), 0
        while not self._stop.wait(HEARTBEAT_SECONDS):
            try:
                self.look()
                number += 1
                self.remote.write(self._beat, str(number).encode())
                spoken = time.monotonic()
            except LeaseLost:
                return
            except OSError:  # the network; others give this process up after as long
                if time.monotonic() - spoken > STALE_SECONDS - HEARTBEAT_SECONDS:
                    self._lost.set()
                    return

    def give_back(self, beating: threading.Thread) -> None:
        """End the heartbeat and remove the lease, if it is still this one."""
        self._stop.set()
        beating.join()
        with suppress(OSError):
            self.remote.remove(self._beat)
            with suppress(LeaseLost):
                self.look()
                self.remote.remove(self._file)

    @property
    def _file(self) -> str:
        return f"{_FOLDER}/{self.node_id}/{self.number}"

    @property
    def _beat(self) -> str:
        return f"{self._file}-{self.token}"


@dataclass
class Observed:
    """What this process has seen of the leases, and since when it is so.

    Attributes:
        remote: Where they are.
        since: By node: what its files were like, and when that was first seen, in monotonic seconds.
    """

    remote: Remote
    since: dict[str, tuple[str, float]] = field(default_factory=dict)

    def held(self) -> frozenset[str]:
        """Return the ids of nodes whose leases somebody holds."""
        files = self.remote.signs(_FOLDER)
        by_node: dict[str, dict[str, str]] = {}
        for name, sign in files.items():
            by_node.setdefault(name.split("/")[1], {})[name] = sign
        for gone in self.since.keys() - by_node.keys():
            del self.since[gone]
        return frozenset(node for node, signs in by_node.items() if not self.is_stale(node, signs))

    def is_stale(self, node_id: str, signs: Mapping[str, str]) -> bool:
        """Return whether nothing has changed at a lease for long, so that its holder is given up."""
        if not _numbers(signs):
            return True
        now, sign = time.monotonic(), json.dumps(sorted(signs.items()))
        if self.since.get(node_id, ("", 0.0))[0] != sign:
            self.since[node_id] = sign, now
        return now - self.since[node_id][1] > STALE_SECONDS


@contextmanager
def claim_remote(observed: Observed, node_id: str) -> Iterator[RemoteLease | None]:
    """Claim a node for the block; yields the lease, or None if another process holds it."""
    lease = _claim(observed, node_id)
    if lease is None:
        yield None
        return
    with kept(lease):
        yield lease


def _claim(observed: Observed, node_id: str) -> RemoteLease | None:
    remote, folder = observed.remote, f"{_FOLDER}/{node_id}"
    signs = remote.signs(folder)
    numbers = _numbers(signs)
    if numbers and not observed.is_stale(node_id, signs):
        return None
    lease = RemoteLease(remote, node_id, max(numbers, default=0) + 1, uuid.uuid4().hex[:8])
    text = json.dumps({"where": neighbourhood(), "token": lease.token})
    if not remote.create(f"{folder}/{lease.number}", text.encode()):
        return None
    for name in signs:  # those of the holders that were given up
        remote.remove(name)
    return lease


def _numbers(signs: Mapping[str, str]) -> list[int]:
    names = (name.rpartition("/")[2] for name in signs)
    return [int(name) for name in names if name.isdecimal()]
