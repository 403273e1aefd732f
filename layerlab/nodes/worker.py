"""What a worker does: carry out nodes by id, under leases; a failure is left behind, and the others go on."""

from __future__ import annotations

import itertools
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from layerlab.errors import DamagedCheckpointError, StoreError, StudyError
from layerlab.extensions import import_modules
from layerlab.nodes.jobs import read_node
from layerlab.nodes.joining import Joining, can_join, join_nodes
from layerlab.nodes.kept import Memory
from layerlab.nodes.launching import run_launched
from layerlab.nodes.needs import forget_unless_there, is_there
from layerlab.nodes.node import Node, Work, find_kind, stored_of
from layerlab.nodes.process import POLL_SECONDS, prepare_process, room_for_fits
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.sharing import agree, is_shared, meet, process_rank
from layerlab.nodes.store.claims import arrives, claim_node, follow, hand_on, is_node_held, tell_failure
from layerlab.nodes.store.events import reporter
from layerlab.nodes.store.lease import Hold, while_held
from layerlab.nodes.store.store import Store
from layerlab.nodes.tracking import Tracking
from layerlab.training.events import Report, silent


def run_nodes(
    root: Path,
    node_ids: Sequence[str],
    settings: WorkSettings,
    watch: Report | None = None,
    memory: Memory | None = None,
) -> bool:
    """Carry out nodes; what one of them needs and is missing is done first. Idempotent.

    Args:
        root: The results directory.
        node_ids: Which ones, in order.
        settings: Device, threads, time between checkpoints.
        watch: Receives the events of this process's nodes too.
        memory: What this process keeps from one call to the next.

    Returns:
        Whether all of them are complete at the end. Failures are in the store.
    """
    if settings.processes > 1 and not is_shared():
        return run_launched(root, node_ids, settings)
    prepare_process(settings)
    store = Store(root)
    if settings.mirror:
        follow(store, settings.mirror)
    manifest = store.read_manifest() or {}
    problems = import_modules(manifest.get("imports", ()))
    if problems:
        raise StudyError(problems, str(root))
    memory = memory or Memory()
    memory.fits.room = room_for_fits(settings.device)
    memory.fits.use_all()
    tracking = Tracking(store, str(manifest.get("study", "")), manifest.get("report_to", ()))
    worker = _Worker(store, settings, watch, memory, stored_of(manifest), tracking)
    try:
        return worker.do_all(node_ids)
    finally:
        tracking.close()


@dataclass
class _Worker:
    """One call's work: what it keeps in memory, what failed, and the leases of what it is at."""

    store: Store
    settings: WorkSettings
    watch: Report | None
    memory: Memory
    stored: frozenset[str] | None
    tracking: Tracking
    failed: set[str] = field(default_factory=set)
    leases: list[Hold] = field(default_factory=list)

    def do_all(self, node_ids: Sequence[str]) -> bool:
        """Carry out nodes, what others hold last; return whether all of them are complete at the end."""
        known = [node_id for node_id in node_ids if self.read(node_id) is not None]
        # What another process holds comes last: it may be complete by then.
        ordered = known if is_shared() else sorted(known, key=lambda one: is_node_held(self.store, one))
        done = [self.do_same(list(same)) for _, same in itertools.groupby(ordered, self.store.kind_of)]
        return all(done) and len(known) == len(node_ids)

    def do_same(self, node_ids: Sequence[str]) -> bool:
        """Carry out nodes of one kind, together where they share work, else one after the other.

        Returns:
            Whether all of them are complete at the end.
        """
        ready: list[Node] = []
        if len(node_ids) > 1 and can_join(find_kind(self.store.kind_of(node_ids[0]))):
            ready = [read_node(self.store, one) for one in node_ids if not self.store.is_complete(one)]
            ready = [item for item in ready if all(map(self._is_there, item.needs))]
        for group in join_nodes(ready, self.settings):
            if len(group) > 1:
                with suppress(OSError):  # a lease that cannot be written; each alone says so
                    self._attempt_group(group)
            for item in group:
                self.do(item.id)
        done = [self.do(node_id) for node_id in node_ids]
        return all(done)

    def read(self, node_id: str) -> Node | None:
        """Return a node; None, and a failure is left, if what the store has of it cannot be read."""
        try:
            return read_node(self.store, node_id)
        except (StoreError, ValidationError) as error:
            self.store.write_failure(node_id, node_id, error, traceback.format_exc())
            self.failed.add(node_id)
            return None

    def do(self, node_id: str) -> bool:
        """Carry out a node and before it what it needs; return whether it is complete at the end."""
        if node_id in self.failed:
            return False
        item = self.read(node_id)
        if item is None:
            return False
        if not is_shared() and self.store.is_complete(node_id):
            return True
        if not all(self._provide(need) for need in item.needs):
            return False
        if is_shared() and item.shared:
            good = self._attempt_together(item)
        else:
            # One process's work; others, if any, go on to the next node that they share, and meet it there.
            good = process_rank() > 0 or self._attempt(item, lambda: self._execute(item))
        if not good:
            self.failed.add(node_id)
        return good

    def _provide(self, node_id: str) -> bool:
        """Carry out a node that others need; anew, if its weights are neither on the disk nor in memory."""
        if self.read(node_id) is None:
            return False
        if not is_shared():
            forget_unless_there(self.store, node_id, self.memory.fits)
        return self.do(node_id)

    def _is_there(self, node_id: str) -> bool:
        return is_there(self.store, node_id, self.memory.fits)

    def _arrives(self, item: Node) -> bool:
        """Return whether a node is complete, perhaps by another host."""
        return arrives(self.store, item.kind, item.id, item.removable)

    def _attempt(self, item: Node, action: Callable[[], None]) -> bool:
        """Do a node under its lease; wait if another process is at it, and take over if that one dies."""
        try:
            return self._attempt_under_lease(item, action)
        except OSError as error:  # the lease cannot be written, as on a full disk
            self.store.write_failure(item.id, item.title, error, traceback.format_exc())
            return False

    def _attempt_under_lease(self, item: Node, action: Callable[[], None]) -> bool:
        store = self.store
        while not self._arrives(item):
            with claim_node(store, item.id) as mine:
                if mine and not self._arrives(item):
                    store.sweep(item.kind, item.id)
                    good = self._try(item, action, mine)
                    if good is not None:
                        return good
            time.sleep(POLL_SECONDS)
            while is_node_held(store, item.id) and not store.is_done(item.kind, item.id):
                time.sleep(POLL_SECONDS)
            if not store.is_done(item.kind, item.id) and store.read_failure(item.id) is not None:
                return False
        return True

    def _attempt_together(self, item: Node) -> bool:
        """Do a node with several processes: the first holds the lease, decides for all, writes the store."""
        if process_rank() > 0:
            if agree(None):
                # What goes wrong here goes wrong in the first process too, which records it.
                try:
                    self._execute(item)
                except Exception:
                    traceback.print_exc()
            meet()
            return self.store.is_done(item.kind, item.id)

        started = False

        def lead() -> None:
            nonlocal started
            started = agree(True)
            self._execute(item)

        good = self._attempt(item, lead)
        if not started:
            agree(False)
        meet()
        return good

    def _attempt_group(self, group: Sequence[Node]) -> None:
        """Do nodes together under the leases of all; what others hold is left out, what fails is left."""
        with ExitStack() as leases:
            claimed = [(item, leases.enter_context(claim_node(self.store, item.id))) for item in group]
            mine = {
                item.id: (item, lease)
                for item, lease in claimed
                if lease is not None and not self._arrives(item)
            }
            for item, _ in mine.values():
                self.store.sweep(item.kind, item.id)
            if len(mine) > 1:
                self.leases += [lease for _, lease in mine.values()]
                try:
                    self._execute_group([item for item, _ in mine.values()])
                    for item, lease in mine.values():
                        if self.store.is_done(item.kind, item.id):
                            hand_on(self.store, item.kind, item.id, lease)
                finally:
                    self.leases.clear()

    def _execute_group(self, group: Sequence[Node]) -> None:
        started, reports = time.monotonic(), {item.id: self._reporter(item) for item in group}

        def to_all(event: dict[str, Any]) -> None:
            for report in reports.values():
                report(event)

        for item in group:
            reports[item.id]({"event": "start", "title": item.title})
        try:
            work = replace(self._work(to_all), reporter=lambda item: self._while_held(reports[item.id]))
            cast(Joining, type(group[0])).execute_together(group, work)
        except Exception as error:
            traceback.print_exc()
            to_all({"event": "apart", "message": f"{type(error).__name__}: {error}"})
        seconds = round(time.monotonic() - started, 3)
        for item in group:
            if self.store.is_done(item.kind, item.id):
                self.store.clear_failure(item.id)
                reports[item.id]({"event": "done", "seconds": seconds})

    def _try(self, item: Node, action: Callable[[], None], lease: Hold) -> bool | None:
        """Do a node; return whether that went well, None if it was lost to a process that does it now."""
        self.leases.append(lease)
        try:
            self._without_damage(item, action)
            hand_on(self.store, item.kind, item.id, lease)
        except Exception as error:
            if lease.is_lost or self.store.is_done(item.kind, item.id):
                traceback.print_exc()  # two were at it, and one took the other's files away
                return None
            self.store.write_failure(item.id, item.title, error, traceback.format_exc())
            tell_failure(self.store, item.id)
            self._reporter(item)({"event": "failed", "message": str(error)})
            return False
        finally:
            self.leases.remove(lease)
        self.store.clear_failure(item.id)
        return True

    def _without_damage(self, item: Node, action: Callable[[], None]) -> None:
        """Do a node; from the beginning, if its checkpoint cannot be read."""
        try:
            action()
        except DamagedCheckpointError as damage:
            if is_shared():
                raise  # the other processes are in the middle of theirs
            self.store.set_aside(damage.path, damage.fault)
            self._reporter(item)({"event": "anew", "message": str(damage)})
            action()

    def _execute(self, item: Node) -> None:
        started, report = time.monotonic(), self._reporter(item)
        report({"event": "start", "title": item.title})
        item.execute(self._work(report))
        report({"event": "done", "seconds": round(time.monotonic() - started, 3)})

    def _work(self, report: Report) -> Work:
        report = self._while_held(report)
        return Work(self.store, self.settings, report, self.memory.fits, self.memory.corpora, self.stored)

    def _while_held(self, report: Report) -> Report:
        # Of several processes that share a node, the others would wait for one that ends alone.
        return report if is_shared() else while_held(self.leases, report)

    def _reporter(self, item: Node) -> Report:
        if process_rank() > 0:
            return silent
        watching = [one for one in (self.watch, self.tracking.report_of(item)) if one is not None]
        return reporter(self.store.events(item.id), *watching)
