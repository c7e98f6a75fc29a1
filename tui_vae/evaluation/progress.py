"""Progress callbacks of long computations; a callback may raise to cancel the work."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[float], None]
"""Called with the share done, from 0 to 1."""


def no_progress(share: float) -> None:
    """Ignore progress."""


def part(report: Report, start: float, stop: float) -> Report:
    """Map the progress of a part of the work to ``start`` … ``stop`` of the whole."""
    return lambda share: report(start + share * (stop - start))


class Phases:
    """Sequential phases of a computation, each weighted by its share of the total time.

    Args:
        tell: Called with the name of the phase and the share done of the whole.
        total: Sum of the weights of all phases; an estimate will do.
    """

    def __init__(self, tell: Callable[[str, float], None], total: float) -> None:
        self._tell = tell
        self._total = total
        self._before = self._weight = 0.0

    def begin(self, doing: str, weight: float) -> Report:
        """Start the next phase; returns its progress callback."""
        self._before += self._weight
        self._weight = weight
        before = self._before

        def report(share: float) -> None:
            self._tell(doing, min(1.0, (before + share * weight) / self._total))

        report(0.0)
        return report
