"""Who is at a node, and what others have made: in a results directory and, if it has one, in its mirror."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from layerlab.names import visible
from layerlab.nodes.store.lease import Hold, Lease, claim, is_held
from layerlab.nodes.store.mirror.lease import RemoteLease, claim_remote
from layerlab.nodes.store.mirror.mirror import join_mirror, mirror_of
from layerlab.nodes.store.store import Store


@dataclass(frozen=True)
class Both:
    """A lease of the directory and one of its mirror.

    Attributes:
        here: In the directory.
        there: In the mirror.
    """

    here: Lease
    there: RemoteLease

    @property
    def name(self) -> str:
        """The one that is lost, or the one of the directory."""
        return self.there.name if self.there.is_lost else self.here.name

    @property
    def is_lost(self) -> bool:
        """Whether one of them is lost."""
        return self.here.is_lost or self.there.is_lost


@contextmanager
def claim_node(store: Store, node_id: str) -> Iterator[Hold | None]:
    """Claim a node for the block; yields None if another process is at it, on this host or another."""
    mirror = mirror_of(store)
    with ExitStack() as leases:
        here = leases.enter_context(claim(store.lease(node_id)))
        if here is None or mirror is None:
            yield here
            return
        there = leases.enter_context(claim_remote(mirror.observed, node_id))
        yield None if there is None else Both(here, there)


def is_node_held(store: Store, node_id: str) -> bool:
    """Return whether somebody is at a node; of other hosts, as of some seconds ago."""
    if is_held(store.lease(node_id)):
        return True
    mirror = mirror_of(store)
    return mirror is not None and mirror.is_held(node_id)


def arrives(store: Store, kind: str, node_id: str, parts: Sequence[str] = ()) -> bool:
    """Return whether a node is complete; one that another host made is copied here, without some parts."""
    if store.is_done(kind, node_id):
        return True
    mirror = mirror_of(store)
    return mirror is not None and mirror.bring(store, kind, node_id, parts)


def part_arrives(store: Store, kind: str, node_id: str, part: str) -> bool:
    """Return whether a part of a complete node is there; one that another host has is copied here."""
    mirror = mirror_of(store)
    there = (store.folder(kind, node_id) / part).is_dir()
    return there or (mirror is not None and mirror.bring_part(store, kind, node_id, part))


def hand_on(store: Store, kind: str, node_id: str, hold: Hold) -> None:
    """Copy a node that is complete here to the mirror, if there is one; the next run does what fails."""
    mirror = mirror_of(store)
    if mirror is None:
        return
    try:
        mirror.send(store, kind, node_id, hold.there if isinstance(hold, Both) else None)
    except OSError as error:
        said = f"{kind} {node_id} is not copied to {mirror.remote.url}, the next run does it: {error}"
        print(visible(said), file=sys.stderr)


def tell_failure(store: Store, node_id: str) -> None:
    """Copy the message of a failure to the mirror, if there is one, for a runner on another host."""
    mirror = mirror_of(store)
    with suppress(OSError):
        if mirror is not None:
            mirror.send_failure(store, node_id)


def follow(store: Store, url: str) -> None:
    """Let a results directory share through a mirror; on a host that has no plan, it comes from there.

    Raises:
        StoreError: The mirror cannot be opened, is not the directory's, or holds no plan.
    """
    mirror = join_mirror(store, url)
    if not (store.root / "manifest.json").is_file():
        mirror.bring_plan(store)
