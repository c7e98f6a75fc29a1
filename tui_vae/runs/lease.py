"""One writer at a time for each run directory, also when processes on several machines see it.

1. A writer locks the directory of its run for as long as it lives. The kernel tells every process of the same machine,
   in any container, whether the lock is held: a writer that lives is never displaced, one that died is replaced at
   once. So is one that ran on this machine before its last reboot.
2. Any other writer is judged by its heartbeat alone: if it does not change for as long as this process watches, the
   writer is replaced. Clocks are never compared.
3. Of several successors exactly one wins; see :mod:`tui_vae.runs.lease_file`. A writer that was replaced while it was
   suspended finds another one in ``lease.json`` when it wakes up, and writes no more.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from tui_vae.errors import RunStoreError
from tui_vae.runs.directory import RunDirectory
from tui_vae.runs.followed import FollowedRun
from tui_vae.runs.handle import SECONDS_FOR_LOCK
from tui_vae.runs.heartbeat import UNRESPONSIVE, read_lease
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

SECONDS_BETWEEN_BEATS = 2.0
SECONDS_BETWEEN_TICKS = 0.5

_ATTEMPTS = 20

Waiting = Callable[[str, float], None]
"""Called while a writer is waited for: with who that is, and the seconds left."""


class Lease:
    """The right to write a run, held by this process; made by :meth:`acquire`."""

    def __init__(self, followed: FollowedRun, record: LeaseRecord) -> None:
        self._followed = followed
        self._record = record
        self._released = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def token(self) -> str:
        """Tells this lease from every other."""
        return self._record.token

    @property
    def run(self) -> RunDirectory:
        """The run, as its folder was called when it was last looked for."""
        return self._followed.run

    def find(self) -> RunDirectory | None:
        """The run, as its folder is called now; ``None`` when that was deleted."""
        return self._followed.find()

    @classmethod
    def acquire(
        cls, run: RunDirectory, *, patience: float = UNRESPONSIVE, waiting: Waiting = lambda holder, left: None
    ) -> Self:
        """Become the one writer of a run.

        Args:
            run: Its directory, which exists.
            patience: Seconds to wait for a sign of life of a writer of which nothing else is known.
            waiting: Called about twice a second during that time.

        Raises:
            RunStoreError: Another process writes it, or the directory cannot be written.
        """
        with contextlib.ExitStack() as on_failure:
            try:
                followed = FollowedRun(run)
                directory = on_failure.enter_context(followed.directory)
                if directory.lock(patience=SECONDS_FOR_LOCK) is False:
                    holder = read_lease(run)
                    raise _held(run, holder, holder.silent() if holder is not None else 0.0)
                mine = LeaseRecord.of_this_process(directory)
                for _ in range(_ATTEMPTS):
                    chain = read_chain(run)
                    if _without_life(followed, chain, patience, waiting) and _succeed(run, chain, mine):
                        remove_leftovers(run, directory, mine.token)
                        on_failure.pop_all()
                        return cls(followed, mine)
            except OSError as error:
                raise RunStoreError(f"{run.lease}: cannot be written ({error.strerror})") from error
        raise RunStoreError(f"{run.name}: several processes want to write it; try again in a moment")

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
            link = read_link(self.run.lease)
        except OSError:
            return True  # a failing disk takes no lease away
        return link is None or link.record is None or link.key == self.token

    def move(self, run: RunDirectory) -> None:
        """Give the directory of the run another name, which only its writer may; for a lease that is not kept.

        Raises:
            OSError: It has its old name still.
        """
        self.run.path.rename(run.path)
        self._followed.find()

    def release(self) -> None:
        """Let the run go; from now on another process may write it. Any number of times."""
        self._released.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with contextlib.suppress(OSError):
            self.find()
            link = read_link(self.run.lease)
            if link is not None and link.key == self.token:
                self.run.lease.unlink(missing_ok=True)
        self._followed.directory.close()

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
        run = self.find()
        if run is None:
            return None
        link = read_link(run.lease)
        if link is not None and link.record is not None and link.key != self.token:
            return link.record.holder
        self._record = self._record.next_beat()
        if link is None:
            create(run.lease, self._record)
        else:
            replace(run.lease, self._record)
        return None


def _without_life(followed: FollowedRun, chain: Sequence[Link], patience: float, waiting: Waiting) -> bool:
    """Whether no writer of the chain is alive; False when the chain has changed and is to be looked at anew.

    Raises:
        RunStoreError: One of them is.
        OSError: The directory cannot be read.
    """
    run = followed.run
    if len(chain) >= MOST_CLAIMS:
        raise RunStoreError(f"{run.path}: its lease is damaged; if nothing writes the run, delete {run.lease.name}")
    unknown = [link for link in chain if link.record is None or link.record.alive(followed.directory) is not False]
    if not unknown:
        return True
    holder = next((link.record.holder for link in unknown if link.record is not None), "the writer of a damaged lease")
    left, before = patience, time.monotonic()
    while left > 0:
        waiting(holder, left)
        time.sleep(min(left, SECONDS_BETWEEN_TICKS))
        now = read_chain(run)
        for old, new in zip(chain, now, strict=False):
            if new.record is not None and old.key == new.key and old.content != new.content:
                raise _held(run, new.record, silent=0.0)
        if [link.content for link in now] != [link.content for link in chain]:
            return False
        # While a disk, or this process, was held up, nobody looked.
        elapsed, before = time.monotonic() - before, time.monotonic()
        left -= min(elapsed, 2 * SECONDS_BETWEEN_TICKS)
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


def _held(run: RunDirectory, record: LeaseRecord | None, silent: float) -> RunStoreError:
    sign = f"it does not respond for {silent:.0f} s" if silent > UNRESPONSIVE else f"sign of life {silent:.0f} s ago"
    holder = f"{record.holder} ({sign})" if record is not None else "a process of this machine that has just begun"
    return RunStoreError(
        f"{run.name} is being written by {holder}; stop that first, or watch it with: tui-vae watch {run.name}"
    )
