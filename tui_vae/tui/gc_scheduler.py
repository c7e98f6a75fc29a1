"""Full garbage collections at moments in which nobody waits: one takes up to a tenth of a second."""

from __future__ import annotations

import gc
import time

_SECONDS_BETWEEN = 30.0
_REST = 1.0
"""Seconds without a key after which none is expected at once."""
_NEVER = 1 << 30
_MOST_PENDING = 200
"""Collections of younger objects, after which a full one does not wait for a rest; the usual number is 10."""


class Collector:
    """Takes over from Python when to collect everything. Young objects are collected as ever."""

    def __init__(self) -> None:
        self._usual = gc.get_threshold()
        self._collected = self._asked = time.monotonic()

    def begin(self) -> None:
        """From now on there is no full collection but those of :meth:`rest`."""
        gc.set_threshold(*self._usual[:2], _NEVER)

    def end(self) -> None:
        """Leave it to Python again."""
        gc.set_threshold(*self._usual)

    def asked(self) -> None:
        """Somebody has asked for something, and waits for it, or for what comes next."""
        self._asked = time.monotonic()

    def rest(self) -> None:
        """Collect, if it is time to."""
        now = time.monotonic()
        due = now - self._collected >= _SECONDS_BETWEEN and now - self._asked >= _REST
        if due or gc.get_count()[2] >= _MOST_PENDING:
            gc.collect()
            self._collected = time.monotonic()
