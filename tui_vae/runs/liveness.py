"""Whether the writer of a run lives, for those who only read it. Nothing here waits or writes."""

from __future__ import annotations

import time

from tui_vae.condition import Liveness, Sighting
from tui_vae.runs.directory import RunDirectory
from tui_vae.runs.lease_file import LeaseRecord, read_link

UNRESPONSIVE = 15.0
"""Seconds without a sign of life after which a writer is said not to respond."""

FORGOTTEN = 120.0
"""Seconds without a sign of life after which a writer that cannot be looked up is taken for dead."""


def read_lease(run: RunDirectory) -> LeaseRecord | None:
    """Who writes a run; ``None`` when nobody does, or it cannot be read."""
    try:
        link = read_link(run.lease)
    except OSError:
        return None
    return link.record if link is not None else None


def liveness(record: LeaseRecord | None, now: float) -> Liveness:
    """What one look says, where a second is too much: clocks of other machines are taken for right.

    Args:
        record: As :func:`read_lease` gave it.
        now: Unix time in seconds.
    """
    return "gone" if record is None else _judged(record, abs(now - record.t))


def _judged(record: LeaseRecord, silent: float) -> Liveness:
    alive = record.alive()
    if alive is False or (alive is None and silent > FORGOTTEN):
        return "gone"
    return "stalled" if silent > UNRESPONSIVE else "live"


class Observer:
    """Looks again and again, and so needs no clock but this process's own, which never jumps."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._record: LeaseRecord | None = None
        self._since = 0.0
        self._silent_before = 0.0

    def look(self) -> Sighting:
        """What is seen now."""
        record, now = read_lease(self._run), time.monotonic()
        if record is None:
            self._record = None
            return Sighting("gone")
        if self._record is None:
            # Only clocks can tell how long it has been silent before the first look.
            self._silent_before = abs(time.time() - record.t)
            self._since = now
        elif record != self._record:
            self._silent_before, self._since = 0.0, now
        self._record = record
        watched = now - self._since
        judged = _judged(record, self._silent_before + watched)
        if judged == "gone" and record.alive() is None and watched <= UNRESPONSIVE:
            judged = "stalled"  # so far only a clock says more, and it may be wrong
        return Sighting(judged, self._silent_before + watched)
