"""Time that passes when a test says so."""

from __future__ import annotations


class Clock:
    """Stands in for the module ``time``; ``now`` is what every clock of it shows, in seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return self.now
