"""The handle by which others pause, resume and stop a trainer, at the granularity of a step."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tui_vae.config import Change


class Control:
    """One trainer's switch. Every method may be called from any thread, any number of times."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = False
        self._stop_reason: str | None = None
        self._checkpoint = False
        self._changes: list[tuple[Change, str]] = []
        self._closed = False

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

    def change(self, change: Change, by: str) -> bool:
        """Ask for a change from the next step on; False when it comes too late: the trainer has ended, or is to stop.

        Args:
            change: What is to be another.
            by: Who asks, for the log.
        """
        with self._changed:
            if self._closed or self._stop_reason is not None:
                return False
            self._changes.append((change, by))
            self._changed.notify_all()
            return True

    @property
    def changes_wait(self) -> bool:
        return bool(self._changes)

    def take_changes(self) -> list[tuple[Change, str]]:
        """The changes asked for since the last call, in order, each with who asked."""
        with self._changed:
            changes, self._changes = self._changes, []
            return changes

    def finish(self) -> bool:
        """Take no change from now on; False, and nothing done, while one waits: it may make the training longer."""
        with self._changed:
            self._closed = not self._changes
            return self._closed

    def close(self) -> None:
        """Take no change from now on."""
        with self._changed:
            self._closed = True

    def proceed(self, when_paused: Callable[[], None], when_changed: Callable[[], None]) -> bool:
        """Called by the trainer before each step: waits while paused, and says whether to go on.

        Args:
            when_paused: Called once, before waiting, when a pause begins.
            when_changed: Called in a pause when changes wait; it is to take them.
        """
        # Without the lock: a flag seen one step late is within the granularity, and this stands in the hot loop.
        if self._paused and self._stop_reason is None:
            when_paused()
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._pause_ends() or self._changes)
                    if self._pause_ends():
                        break
                when_changed()
        return self._stop_reason is None

    def _pause_ends(self) -> bool:
        return not self._paused or self._stop_reason is not None
