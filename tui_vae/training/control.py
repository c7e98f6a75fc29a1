"""The handle by which others pause, resume and stop a trainer, at the granularity of a step."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Control:
    """One trainer's switch. Every method may be called from any thread, any number of times."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = False
        self._stop_reason: str | None = None
        self._checkpoint = False

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def stop_reason(self) -> str | None:
        """Why the trainer is to stop; ``None`` while it is not."""
        return self._stop_reason

    def pause(self) -> None:
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def stop(self, reason: str) -> None:
        """Ask for a stop after the step at hand; the first reason stands. Ends a pause."""
        with self._changed:
            self._stop_reason = self._stop_reason or reason
            self._changed.notify_all()

    def request_checkpoint(self) -> None:
        """Ask for a checkpoint after the step at hand."""
        self._checkpoint = True

    def checkpoint_requested(self) -> bool:
        """Whether one was asked for since the last call."""
        requested = self._checkpoint
        if requested:
            self._checkpoint = False
        return requested

    def proceed(self, when_paused: Callable[[], None]) -> bool:
        """Called by the trainer before each step: waits while paused, and says whether to go on.

        Args:
            when_paused: Called once, before waiting, when a pause begins.
        """
        # Without the lock: a flag seen one step late is within the granularity, and this stands in the hot loop.
        if self._paused and self._stop_reason is None:
            when_paused()
            with self._changed:
                self._changed.wait_for(lambda: not self._paused or self._stop_reason is not None)
        return self._stop_reason is None
