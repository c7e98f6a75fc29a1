"""How far a computation is, told by whoever computes to whoever waits; who is told may raise to end the work."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[float], None]
"""Told the share done, from 0 to 1."""


def no_progress(share: float) -> None:
    """Stands for a report where nobody wants to know."""


def part(report: Report, start: float, stop: float) -> Report:
    """A report for a piece of the work that goes from ``start`` to ``stop`` of the whole."""
    return lambda share: report(start + share * (stop - start))


class Phases:
    """Parts of a computation that follow each other, each with its weight in the time that all take.

    Args:
        tell: Told what is being done, and the share done of the whole.
        total: Sum of the weights of all phases; an estimate will do.
    """

    def __init__(self, tell: Callable[[str, float], None], total: float) -> None:
        self._tell = tell
        self._total = total
        self._before = self._weight = 0.0

    def begin(self, doing: str, weight: float) -> Report:
        """The next phase; what is returned is told the share of it that is done."""
        self._before += self._weight
        self._weight = weight
        before = self._before

        def report(share: float) -> None:
            self._tell(doing, min(1.0, (before + share * weight) / self._total))

        report(0.0)
        return report
