"""Progress callbacks of long computations; a callback may raise to cancel the work."""

from __future__ import annotations

import time
from collections.abc import Callable

from tui_vae.events import EvaluationProgress

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


SECONDS_BETWEEN_EVENTS = 0.5

_SHARED = 0.4
"""Weight of the preparation that all models share, in units of one model."""

_LEAST_FOR_ETA = 0.03
"""Share done below which the time left is not estimated."""


class SuiteProgress:
    """Merges the progress of the shared preparation and of each model into events with one share and a time left.

    Args:
        emit: Receives the events.
        models: Number of models to be measured.
    """

    def __init__(self, emit: Callable[[EvaluationProgress], None], models: int) -> None:
        self._emit = emit
        self._total = _SHARED + models
        self._before, self._weight = 0.0, _SHARED
        self._doing = ""
        self._model: str | None = None
        self._began = time.monotonic()
        self._emitted = 0.0
        self._furthest = 0.0

    def begin_preparation(self, doing: str) -> None:
        """Start the preparation."""
        self._emit_share(doing, 0.0)

    def begin_model(self, doing: str, model: str) -> None:
        """Start the next model, after the preparation or another model."""
        self._before, self._weight, self._model = self._before + self._weight, 1.0, model
        self._emit_share(doing, 0.0)

    def update(self, doing: str, share: float) -> None:
        """Report the share done of the preparation or of the current model; emits a few events a second."""
        if doing != self._doing or time.monotonic() - self._emitted >= SECONDS_BETWEEN_EVENTS:
            self._emit_share(doing, share)

    def _emit_share(self, doing: str, share: float) -> None:
        now = time.monotonic()
        self._doing, self._emitted = doing, now
        # Training a classifier takes longer than its weight: the share then stands still for a while.
        self._furthest = done = min(1.0, max(self._furthest, (self._before + share * self._weight) / self._total))
        left = (now - self._began) * (1 - done) / done if done > _LEAST_FOR_ETA else None
        self._emit(EvaluationProgress(doing=doing, model=self._model, done=done, seconds_left=left))
