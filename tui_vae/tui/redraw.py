"""When the interface redraws and when it collects garbage, so that it stays within its share of the processor."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

SHARE = 0.025
"""Of the time of one core, for this thread: while the interface computes in Python, no trainer can."""

DRAWING_SHARE = 0.06
"""Of the time of one core, for drawings beside: they take it from trainers only where these have all cores."""

SLOWEST = 2.0

IDLE = 0.5
"""Seconds between two redraws where only clocks go on."""


class Pacer:
    """Sets the interval between two redraws from what the last ones cost.

    Args:
        fps: Most redraws a second, however cheap they are.
        drawings: Seconds of a core that drawings have taken so far which this thread only asks for.

    Attributes:
        fastest: Seconds between two redraws at least.
    """

    def __init__(self, fps: float, drawings: Callable[[], float] = lambda: 0.0) -> None:
        self.fastest = 1 / fps
        self._drawings = drawings
        self._spent = time.thread_time(), drawings()
        self._wanted = 0.0
        self._drew = True

    def interval(self, *, training: bool, drew: bool, idle: bool = False) -> float:
        """Seconds until the next redraw; called once after each, from the interface's thread.

        The cost is all processor time of this thread since the last call, and that of drawings, so it holds what the
        redraw caused later, such as layout and output.

        Args:
            training: Whether anything trains in this process.
            drew: Whether there was anything to draw on. What it costs to look for that tells nothing of a redraw.
            idle: Whether nothing happens but what a key asks for.
        """
        spent = time.thread_time(), self._drawings()
        own, drawings = (now - before for now, before in zip(spent, self._spent, strict=True))
        self._spent = spent
        wanted = max(own / SHARE, drawings / DRAWING_SHARE)
        whole = drew and self._drew  # else a part of it: what comes later of the last redraw, or of this one
        self._drew = drew
        if not drew:
            return self.fastest
        if whole:
            self._wanted = wanted if self._wanted == 0 else 0.7 * self._wanted + 0.3 * wanted
        if not training:
            return max(IDLE, self.fastest) if idle else self.fastest
        return min(max(self._wanted, self.fastest), max(SLOWEST, self.fastest))


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
