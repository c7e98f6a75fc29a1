"""Flow control for the line to the terminal: how much may be sent so that the screen is never long out of date.

Two things clock it. The kernel blocks a write while its buffer is full, which is all that can be seen of a terminal
that answers no questions. Beyond the kernel, the terminal is asked for its status after each frame (DSR 5, ECMA-48),
which it answers once it has shown the frame, from however far away. What may be sent before an answer is what the line
carries in a fraction of a second.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

QUESTION, ANSWER = "\x1b[5n", "\x1b[0n"

SECONDS_ON_THE_WAY = 0.5
"""Seconds of data that may be under way."""

_LEAST, _MOST = 1024, 1 << 20
"""Bytes that may be under way on top of that, which is all while the line is unknown; and at most."""

_PIECE = 4096
"""Bytes in a frame for a terminal that does not answer, on top of the kernel's buffer of 8 to 12 kB."""

_PAGE = 12_000
"""Bytes that may be under way on a remote line before the first answer, beyond the first frame: a page of text."""

_THIN = 3000.0
"""Bytes a second that any line is trusted to carry (24 kbit/s): what it carries before the first answer."""

_SILENCE_AT_FIRST = 2.0
"""Seconds for which the first answer over a thin line may be late; then the terminal is taken for one without any."""

_PATIENCE, _SILENCE = 5.0, 30.0
"""After the first answer, seconds without one after which as much again may be sent; after which none is expected."""

_SLOWEST = 200.0
"""Bytes a second of the slowest supported line, by which a frame gets more time."""


class _Frame(NamedTuple):
    sent_at: float
    size: int
    shown_before: int
    """Bytes that had been acknowledged when it was sent."""
    fills: bool
    """Whether the line was busy; else the frame is too small to measure its rate."""


class LineFlow:
    """Times are seconds of any monotonic clock.

    Args:
        answers: Whether the terminal is known to answer questions.
        remote: Whether something between here and the terminal may take more than the terminal shows, as ``sshd``
            does. Else the kernel blocks as soon as the terminal does not keep up.

    Attributes:
        asks: Whether the terminal is asked after each frame.
    """

    def __init__(self, answers: bool, *, remote: bool = True) -> None:
        self._trusts_kernel = not (answers or remote)
        self._under_way = deque[_Frame]()
        self._shown = 0
        self._answered_at = 0.0
        self._drained_at = 0.0
        """When a thin line will have carried all that was sent."""
        self._rate = 0.0
        self._window = _LEAST if answers else _PIECE if self._trusts_kernel else _MOST
        self.asks = True

    def room(self, now: float, *, blocked: bool = False) -> int:
        """Bytes that may be sent; none while the line is busy.

        Args:
            now: The time.
            blocked: Whether the kernel has not yet taken all that was sent.
        """
        if blocked:
            return 0
        if self._under_way and now > self._last_call():
            self.asks = False
            self._under_way.clear()
        if not self.asks:
            return _PIECE
        if not self._under_way or self._trusts_kernel:
            return self._window
        if not self._shown:
            return max(0, round(self._window - _THIN * max(0.0, self._drained_at - now)))
        first = self._under_way[0]
        waited = now - max(first.sent_at, self._answered_at)
        overdue = max(0, int((waited - first.size / _SLOWEST) / _PATIENCE))
        return max(0, self._window * (1 + overdue) - self._size)

    def _last_call(self) -> float:
        """When the answer that is due next is not expected any more."""
        first = self._under_way[0]
        if self._shown:
            return max(first.sent_at, self._answered_at) + first.size / _SLOWEST + _SILENCE
        return first.sent_at + first.size / _THIN + _SILENCE_AT_FIRST

    def sent(self, size: int, now: float) -> None:
        """Note that ``size`` bytes were sent, the question after them included."""
        if not self.asks:
            return
        busy = 2 * (size + self._size) >= self._window
        self._under_way.append(_Frame(now, size, self._shown, busy))
        self._drained_at = max(self._drained_at, now) + size / _THIN
        if not self._shown:
            self._window = min(self._window, _PAGE)

    def answered(self, now: float) -> None:
        """Note that the terminal has shown the first frame of those under way."""
        self.asks = True
        self._trusts_kernel = False
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
        """Expect no answer for what is under way: the terminal was another's meanwhile."""
        self._under_way.clear()

    @property
    def _size(self) -> int:
        return sum(frame.size for frame in self._under_way)
