"""How much may be on its way to the terminal, so that what it shows is never long out of date.

After each frame the terminal is asked for its status (DSR 5, ECMA-48), which it answers once it has shown the frame,
from however far away. What may be sent before an answer is what the line carries in a fraction of a second.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

QUESTION, ANSWER = "\x1b[5n", "\x1b[0n"

SECONDS_ON_THE_WAY = 0.5
"""For which the line may have something to carry."""

_LEAST, _MOST = 1024, 1 << 20
"""Bytes that may be under way beside that, which is all while the line is unknown; and at most."""

_PATIENCE, _PATIENCE_AT_FIRST = 5.0, 0.5
"""Seconds without an answer after which as much again may be sent; at first, while there was none at all."""

_SILENCE, _SILENCE_AT_FIRST = 30.0, 10.0
"""Seconds without an answer after which the terminal is taken for one that gives none."""

_SLOWEST, _SLOWEST_AT_FIRST = 200.0, 2000.0
"""Bytes a second of the thinnest line that is thought of: a frame has as much more time."""


class _Frame(NamedTuple):
    sent_at: float
    size: int
    shown_before: int
    """Bytes that had been answered for when it was sent."""
    fills: bool
    """Whether it was sent on a busy line: else it is too small to tell how thin that is."""


class LineFlow:
    """Times are seconds of any clock that only goes on.

    Args:
        answers: Whether the terminal is known to answer questions.

    Attributes:
        asks: Whether the terminal is asked after each frame.
    """

    def __init__(self, answers: bool) -> None:
        self._under_way = deque[_Frame]()
        self._shown = 0
        self._answered_at = 0.0
        self._rate = 0.0
        self._window = _LEAST if answers else _MOST  # a stranger is asked by a whole frame
        self.asks = True

    def room(self, now: float) -> int:
        """Bytes that may be sent; none while the line is busy."""
        if not self._under_way:
            return self._window if self.asks else _MOST
        first = self._under_way[0]
        waited = now - max(first.sent_at, self._answered_at)
        if self._shown:
            due, patience, silence = first.size / _SLOWEST, _PATIENCE, _SILENCE
        else:
            due, patience, silence = first.size / _SLOWEST_AT_FIRST, _PATIENCE_AT_FIRST, _SILENCE_AT_FIRST
        if waited > due + silence:
            self.asks = False
            self._under_way.clear()
            return _MOST
        overdue = max(0, int((waited - due) / patience))
        return max(0, self._window * (1 + overdue) - self._size)

    def sent(self, size: int, now: float) -> None:
        """So many bytes were sent, the question after them included."""
        if self.asks:
            busy = 2 * (size + self._size) >= self._window
            self._under_way.append(_Frame(now, size, self._shown, busy))
            if not self._shown:
                self._window = _LEAST

    def answered(self, now: float) -> None:
        """The terminal has shown what was sent first of what is under way."""
        self.asks = True
        if not self._under_way:
            return
        frame = self._under_way.popleft()
        self._answered_at = now
        self._shown += frame.size
        # All that was shown since the frame was sent (Cardwell et al., BBR, 2016): answers may come in heaps.
        rate = (self._shown - frame.shown_before) / max(now - frame.sent_at, 1e-4)
        if rate > self._rate:
            self._rate = rate
        elif frame.fills:
            self._rate = 0.5 * self._rate + 0.5 * rate
        self._window = round(min(self._rate * SECONDS_ON_THE_WAY + _LEAST, _MOST))

    def reset(self) -> None:
        """What was under way will not be answered: the terminal was another's meanwhile."""
        self._under_way.clear()

    @property
    def _size(self) -> int:
        return sum(frame.size for frame in self._under_way)
