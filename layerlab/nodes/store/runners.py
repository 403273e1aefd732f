"""Who carries out a plan now: each runner leaves a note while it is at work, and is asked there to stop.

A note is a lease, so that it goes with its process and is seen from every host of a shared directory. Who
wants the runner to stop puts a file beside the note.
"""

from __future__ import annotations

import os
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from layerlab.nodes.store.lease import Holder, claim, is_held, read_holder
from layerlab.nodes.store.store import Store
from layerlab.processes import mark

FOLDER: Final = "runners"
#: How often a runner looks whether it is to stop, in seconds.
POLL_SECONDS: Final = 0.5
_STOP: Final = ".stop-"


class Cancelled(KeyboardInterrupt):
    """Somebody asked this runner to stop, from another process; it stops as by Ctrl-C."""

    def __init__(self) -> None:
        """Say who did."""
        super().__init__("stopped by `layerlab cancel`")


@dataclass(frozen=True)
class Runner:
    """A process that carries out a plan.

    Attributes:
        note: Its note.
        holder: The process.
    """

    note: Path
    holder: Holder

    @property
    def is_at_work(self) -> bool:
        """Whether it still runs."""
        return is_held(self.note)

    def ask_to_stop(self) -> None:
        """Ask it to leave checkpoints and end; it does so in a moment, wherever it is."""
        _request(self.note).touch()

    def __str__(self) -> str:
        return f"{self.holder.work}, {self.holder.place}"


def find_runners(store: Store) -> list[Runner]:
    """Return the runners that are at work in a results directory, on any host."""
    try:
        names = sorted(os.listdir(store.root / FOLDER))
    except OSError:
        return []
    notes = [store.root / FOLDER / name for name in names if not name.startswith(".")]
    holders = [(note, read_holder(note)) for note in notes if is_held(note)]
    return [Runner(note, holder) for note, holder in holders if holder is not None]


def drop_requests(store: Store) -> None:
    """Remove the requests to runners that are gone."""
    for request in (store.root / FOLDER).glob(f"{_STOP}*"):
        if not request.with_name(request.name.removeprefix(_STOP)).exists():
            request.unlink(missing_ok=True)


@contextmanager
def announced(store: Store, work: str) -> Iterator[None]:
    """Leave a note while the block runs; who is asked to stop gets a ``Cancelled`` in the block.

    Only the main thread can be interrupted; a block in another one goes on. Where no note can be written, as
    on a full disk, the block runs without.

    Args:
        store: The results directory.
        work: What the process does, for people.

    Raises:
        Cancelled: Somebody asked it to stop.
    """
    note = store.root / FOLDER / f"{mark()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    request, ended = _request(note), threading.Event()
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(claim(note, work))
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        listener = threading.Thread(target=_listen, args=(request, ended), daemon=True)
        with _heard(request):
            listener.start()
            try:
                yield
            except KeyboardInterrupt as error:
                if request.exists() and not isinstance(error, Cancelled):
                    raise Cancelled() from None
                raise
            finally:
                ended.set()
                listener.join()
                request.unlink(missing_ok=True)


def _request(note: Path) -> Path:
    return note.with_name(f"{_STOP}{note.name}")


def _listen(request: Path, ended: threading.Event) -> None:
    """Interrupt the main thread, as Ctrl-C does, once there is a request."""
    main = threading.main_thread().ident
    while not ended.wait(POLL_SECONDS):
        if request.exists() and main is not None:
            signal.pthread_kill(main, signal.SIGINT)
            return


@contextmanager
def _heard(request: Path) -> Iterator[None]:
    """Hear a request where Ctrl-C is ignored, as by a process in the background of a script; nothing else."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return

    def take(number: int, frame: FrameType | None) -> None:
        if request.exists():
            raise Cancelled()

    signal.signal(signal.SIGINT, take)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
