"""One writer at a time for each run directory, also when processes on several machines see it.

A writer that is alive is never displaced; one that is dead is succeeded at once where its process can be looked up,
and elsewhere when it gives no sign of life while somebody looks. The clocks of two machines are never compared for
that. See :mod:`tui_vae.runs.lease_file` for how exactly one of several successors wins.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence

from tui_vae.errors import RunStoreError
from tui_vae.runs.directory import RunDirectory
from tui_vae.runs.lease_file import (
    MOST_CLAIMS,
    LeaseRecord,
    Link,
    claim_path,
    create,
    read_chain,
    read_link,
    remove_leftovers,
    replace,
)
from tui_vae.runs.liveness import UNRESPONSIVE

SECONDS_BETWEEN_BEATS = 2.0
SECONDS_BETWEEN_TICKS = 0.5
SECONDS_OF_LOOKING = 10.0
"""For a sign of life of a writer that cannot be looked up: some of its beats may be late."""

FRESH = 30.0
"""Seconds since a sign of life, by two clocks, for which a writer that cannot be looked up is taken to live."""

_ATTEMPTS = 20


class Lease:
    """The right to write a run, held by this process; made by :meth:`acquire`."""

    def __init__(self, run: RunDirectory, record: LeaseRecord) -> None:
        self._run = run
        self._record = record
        self._released = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def token(self) -> str:
        """Tells this lease from every other."""
        return self._record.token

    @classmethod
    def acquire(cls, run: RunDirectory, *, looking: float = SECONDS_OF_LOOKING) -> Lease:
        """Become the one writer of a run.

        Args:
            run: Its directory, which exists.
            looking: Seconds to wait for a sign of life of a writer whose process cannot be looked up.

        Raises:
            RunStoreError: Another process writes it, or the directory cannot be written.
        """
        mine = LeaseRecord.of_this_process()
        try:
            for _ in range(_ATTEMPTS):
                chain = read_chain(run)
                if _without_life(run, chain, looking) and _succeed(run, chain, mine):
                    remove_leftovers(run, mine.token)
                    return cls(run, mine)
        except OSError as error:
            raise RunStoreError(f"{run.lease}: cannot be written ({error.strerror})") from error
        raise RunStoreError(f"{run.path.name}: several processes want to write it; try again in a moment")

    def keep(self, on_lost: Callable[[str], None], on_tick: Callable[[], None]) -> None:
        """Give signs of life from a thread of its own until the lease is released or lost.

        Args:
            on_lost: Called once, with the new holder, when another process has taken the lease.
            on_tick: Called twice a second, before anything else; must neither raise nor wait.
        """
        self._thread = threading.Thread(target=self._keep, args=(on_lost, on_tick), name="lease", daemon=True)
        self._thread.start()

    def ours(self) -> bool:
        """Whether this process still is the writer, as far as the file can be read."""
        if self._released.is_set():
            return False
        try:
            link = read_link(self._run.lease)
        except OSError:
            return True  # a failing disk takes no lease away
        return link is None or link.record is None or link.key == self.token

    def move(self, run: RunDirectory) -> None:
        """Give the directory of the run another name, which only its writer may; for a lease that is not kept.

        Raises:
            OSError: It has its old name still.
        """
        self._run.path.rename(run.path)
        self._run = run

    def release(self) -> None:
        """Let the run go; from now on another process may write it. Any number of times."""
        self._released.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with contextlib.suppress(OSError):
            link = read_link(self._run.lease)
            if link is not None and link.key == self.token:
                self._run.lease.unlink(missing_ok=True)

    def _keep(self, on_lost: Callable[[str], None], on_tick: Callable[[], None]) -> None:
        next_beat = time.monotonic() + SECONDS_BETWEEN_BEATS
        while not self._released.wait(SECONDS_BETWEEN_TICKS):
            on_tick()
            if time.monotonic() < next_beat:
                continue
            next_beat = time.monotonic() + SECONDS_BETWEEN_BEATS
            # What cannot be read or written now is tried again at the next beat.
            with contextlib.suppress(OSError):
                holder = self._beat()
                if holder is not None:
                    on_lost(holder)
                    return

    def _beat(self) -> str | None:
        """Give a sign of life; returns who holds the lease when it is not this process."""
        link = read_link(self._run.lease)
        if link is not None and link.record is not None and link.key != self.token:
            return link.record.holder
        self._record = self._record.next_beat()
        if link is None:
            create(self._run.lease, self._record)
        else:
            replace(self._run.lease, self._record)
        return None


def _without_life(run: RunDirectory, chain: Sequence[Link], looking: float) -> bool:
    """Whether no writer of the chain is alive; False when the chain has changed and is to be looked at anew.

    Raises:
        RunStoreError: One of them is, or may be.
        OSError: The directory cannot be read.
    """
    if len(chain) >= MOST_CLAIMS:
        raise RunStoreError(f"{run.path}: its lease is damaged; if nothing writes the run, delete {run.lease.name}")
    unknown = False
    for link in chain:
        record = link.record
        alive = record.alive() if record is not None else None
        if record is not None and (alive or (alive is None and 0 <= time.time() - record.t < FRESH)):
            raise _held(run, record)
        unknown = unknown or alive is None
    return not unknown or _nothing_changes(run, chain, looking)


def _nothing_changes(run: RunDirectory, chain: Sequence[Link], seconds: float) -> bool:
    """Look for so long whether a writer of the chain gives a sign of life.

    Raises:
        RunStoreError: One did.
        OSError: The directory cannot be read.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, SECONDS_BETWEEN_TICKS))
        now = read_chain(run)
        for old, new in zip(chain, now, strict=False):
            if new.record is not None and old.key == new.key and old.content != new.content:
                raise _held(run, new.record)
        if [link.content for link in now] != [link.content for link in chain]:
            return False
    return True


def _succeed(run: RunDirectory, chain: Sequence[Link], mine: LeaseRecord) -> bool:
    """Take the place of the last of the chain; False when another process was quicker.

    Raises:
        OSError: The directory cannot be written.
    """
    if not chain:
        return create(run.lease, mine)
    claims = [claim_path(run, link.key) for link in chain]
    if not create(claims[-1], mine):
        return False
    # From here on nobody else can succeed the same holder; but that may have happened before, or the holder awoken.
    unchanged = [link.content for link in read_chain(run)[:-1]] == [link.content for link in chain]
    try:
        if unchanged:
            replace(run.lease, mine)
    finally:
        for claim in claims if unchanged else claims[-1:]:
            claim.unlink(missing_ok=True)
    return unchanged


def _held(run: RunDirectory, record: LeaseRecord) -> RunStoreError:
    age = max(0.0, time.time() - record.t)
    sign = f"sign of life {age:.0f} s ago" if age <= UNRESPONSIVE else f"it does not respond for {age:.0f} s"
    return RunStoreError(
        f"{run.path.name} is being written by {record.holder} ({sign}); "
        f"stop that first, or watch it with: tui-vae watch {run.name}"
    )
