"""When the interface redraws and when it collects garbage, so that it stays within its share of the processor."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable
from statistics import median_low
from typing import Any, NamedTuple

from textual.app import App
from textual.timer import Timer

SHARE = 0.025
"""Share of a core for the interface's thread: while it computes in Python, no trainer can."""

DRAWING_SHARE = 0.06
"""Share of a core for the process that draws charts: it slows trainers down only where they use all cores."""

SLOWEST = 2.0
"""Most seconds between two redraws."""

IDLE = 0.5
"""Seconds between two redraws where only clocks change."""

SECONDS_AWAKE = 1.0
"""Time after a key in which redraws are frequent: what it asked of a disk or a process is shown soon."""

_SECONDS_TO_ANSWER = 0.1
"""Time in which the effect of a key is on screen."""

_SECONDS_BETWEEN_COLLECTIONS = 30.0
_REST = 1.0
"""Seconds without a key before a collection."""
_NEVER = 1 << 30
_MOST_PENDING = 200
"""Collections of the second generation after which a full one is overdue, keys or not; Python's threshold is 10."""


class FrameLimiter:
    """Sets the interval between two redraws by the cost of the last ones.

    Args:
        fps: Most redraws a second.
        drawings: Core seconds that the drawing process has used so far.

    Attributes:
        fastest: Least seconds between two redraws.
    """

    def __init__(self, fps: float, drawings: Callable[[], float] = lambda: 0.0) -> None:
        self.fastest = 1 / fps
        self._drawings = drawings
        self._spent = time.thread_time(), drawings()
        self._wanted = 0.0
        self._costs = deque([0.0], maxlen=3)
        self._drew = True

    def interval(self, *, training: bool, drew: bool, idle: bool = False) -> float:
        """Return the seconds until the next redraw; called once after each, in the interface's thread.

        The cost is all processor time of this thread since the last call, so it includes layout and output that the
        redraw caused later.

        Args:
            training: Whether this process trains.
            drew: Whether anything could be drawn; if not, the time spent says nothing about the cost of a redraw.
            idle: Whether nothing changes but what a key asks for.
        """
        spent = time.thread_time(), self._drawings()
        own, drawings = (now - before for now, before in zip(spent, self._spent, strict=True))
        self._spent = spent
        wanted = max(own / SHARE, drawings / DRAWING_SHARE)
        whole = drew and self._drew  # else a part of the cost is missing, or belongs to the redraw before
        self._drew = drew
        if not drew:
            return self.fastest
        if whole:
            # The median: a single expensive redraw, as the first of a page, says nothing about the next.
            self._costs.append(wanted)
            usual = median_low(self._costs)
            self._wanted = usual if self._wanted == 0 else 0.7 * self._wanted + 0.3 * usual
        if not training:
            return max(IDLE, self.fastest) if idle else self.fastest
        return min(max(self._wanted, self.fastest), max(SLOWEST, self.fastest))


class GarbageScheduler:
    """Runs full garbage collections, which take up to 0.1 s, when nobody waits for a key to be answered."""

    def __init__(self) -> None:
        self._usual = gc.get_threshold()
        self._collected = self._asked = time.monotonic()

    def begin(self) -> None:
        """Turn off Python's own full collections; younger generations are collected as usual."""
        gc.set_threshold(*self._usual[:2], _NEVER)

    def end(self) -> None:
        """Turn Python's own full collections on again."""
        gc.set_threshold(*self._usual)

    def key_pressed(self) -> None:
        """Wait: more keys may follow."""
        self._asked = time.monotonic()

    def collect_if_due(self) -> None:
        now = time.monotonic()
        due = now - self._collected >= _SECONDS_BETWEEN_COLLECTIONS and now - self._asked >= _REST
        if due or gc.get_count()[2] >= _MOST_PENDING:
            gc.collect()
            self._collected = time.monotonic()


class Redraw(NamedTuple):
    """What happened in one redraw; see :meth:`FrameLimiter.interval`."""

    training: bool
    drew: bool
    idle: bool


class RedrawLoop:
    """Redraws as often as the budget allows, and soon after a key.

    Args:
        app: Its timers are used.
        limiter: Sets the intervals.
        redraw: Draws what is new; ``None`` ends the loop.
        prioritise: Called with ``True`` when a key was pressed, and with ``False`` when it has been answered.
    """

    def __init__(
        self,
        app: App[Any],
        limiter: FrameLimiter,
        redraw: Callable[[], Redraw | None],
        prioritise: Callable[[bool], object] | None,
    ) -> None:
        self._app = app
        self._limiter = limiter
        self._redraw = redraw
        self._prioritise = prioritise
        self._garbage = GarbageScheduler()
        self._next: Timer | None = None
        self._answering: Timer | None = None
        self._idle = False
        self._pressed_at = 0.0

    def resume(self) -> None:
        """The interface has the terminal, from now on or again."""
        self._garbage.begin()

    def pause(self) -> None:
        """The interface has ended, or is suspended."""
        self._garbage.end()
        self._answered()

    def tick(self) -> None:
        """Redraw, and schedule the next redraw."""
        done = self._redraw()
        if done is None:
            return
        self._garbage.collect_if_due()
        awake = time.monotonic() < self._pressed_at + SECONDS_AWAKE
        self._idle = done.idle and not (done.training or awake)
        interval = self._limiter.interval(training=done.training, drew=done.drew, idle=self._idle)
        self._next = self._app.set_timer(interval, self.tick)

    def key_pressed(self) -> None:
        """Give the interface priority until the key is answered, and redraw soon where nothing else happens."""
        self._garbage.key_pressed()
        self._pressed_at = time.monotonic()
        if self._prioritise is not None:
            self._prioritise(True)
            if self._answering is not None:
                self._answering.stop()
            self._answering = self._app.set_timer(_SECONDS_TO_ANSWER, self._answered)
        if self._idle and self._next is not None:
            self._idle = False
            self._next.stop()
            self._next = self._app.set_timer(self._limiter.fastest, self.tick)

    def _answered(self) -> None:
        if self._prioritise is not None:
            self._prioritise(False)
