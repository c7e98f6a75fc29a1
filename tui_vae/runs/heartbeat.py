"""Whether the writer of a run lives, for those who only read it. Nothing here writes.

Of a writer of this machine the kernel knows. Of any other only a heartbeat that changes while it is looked at shows
that it lives; clocks, which may be hours apart, only say for how long one has been silent that was seen to be.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from tui_vae.run_status import Liveness, WriterStatus
from tui_vae.runs.directory import RunDirectory
from tui_vae.runs.handle import DirectoryHandle
from tui_vae.runs.lease_file import LeaseRecord, read_link

UNRESPONSIVE = 15.0
"""Seconds without a sign of life after which a writer does not respond; one that nobody can look up is succeeded."""

FORGOTTEN = 120.0
"""Seconds without a sign of life after which such a writer is taken for dead."""

SECONDS_OF_LOOKING = 6.0
"""For a sign of life, where somebody waits for the answer: three of them."""

_SECONDS_BETWEEN_LOOKS = 0.2
_LONG_AGO = 86_400.0
"""Seconds by which no clock errs."""


def read_lease(run: RunDirectory) -> LeaseRecord | None:
    """Who writes a run; ``None`` when nobody does, or it cannot be read."""
    try:
        link = read_link(run.lease)
    except OSError:
        return None
    return link.record if link is not None else None


def lives(run: RunDirectory, record: LeaseRecord) -> bool | None:
    """Whether the process of a record lives; ``None`` when only its signs of life can tell."""
    try:
        with DirectoryHandle(run.path) as directory:
            return record.alive(directory)
    except OSError:
        return None


def liveness_of(runs: Sequence[RunDirectory]) -> list[Liveness]:
    """Of the writers of runs. Takes no time but where some must be looked at for a while, all at once."""
    observers = [Observer(run) for run in runs]
    seen = [observer.look().liveness for observer in observers]
    end = time.monotonic() + SECONDS_OF_LOOKING
    while doubtful := [number for number, observer in enumerate(observers) if observer.in_doubt]:
        over = time.monotonic() >= end
        for number in doubtful:
            seen[number] = observers[number].look(0.0 if over else UNRESPONSIVE).liveness
        if not over:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    return seen


class Observer:
    """Looks at the writer of a run again and again.

    Attributes:
        run: The run, as it is called.
        in_doubt: Whether its writer was said to live though nothing of that has been seen.
    """

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.in_doubt = False
        self._record: LeaseRecord | None = None
        self._changed = False
        self._since = 0.0

    def look(self, patience: float = UNRESPONSIVE) -> WriterStatus:
        """What is seen now.

        Args:
            patience: Seconds from the first look for which a writer of which nothing is known is taken to live.
        """
        before, self._record = self._record, read_lease(self.run)
        now, record, self.in_doubt = time.monotonic(), self._record, False
        alive = lives(self.run, record) if record is not None else False
        if record is None or alive is False:
            return WriterStatus("gone")
        if alive:
            return WriterStatus("stalled" if record.silent() > UNRESPONSIVE else "live", record.silent())
        if record != before:
            self._changed, self._since = before is not None, now
        watched = now - self._since
        if self._changed:
            return WriterStatus(_by_silence(watched), watched)
        age = self._age(record)
        self.in_doubt = watched <= patience and patience > 0 and age < _LONG_AGO
        if self.in_doubt:
            return WriterStatus("live")
        return WriterStatus("gone" if max(age, watched) > FORGOTTEN else "stalled")

    def _age(self, record: LeaseRecord) -> float:
        """Seconds since the last sign of life, by the clock that says the least: of its writer or of the disk."""
        clocks = [record.t]
        with contextlib.suppress(OSError):
            clocks.append(self.run.lease.stat().st_mtime)
        return min(abs(time.time() - clock) for clock in clocks)


def _by_silence(seconds: float) -> Liveness:
    return "gone" if seconds > FORGOTTEN else "stalled" if seconds > UNRESPONSIVE else "live"
