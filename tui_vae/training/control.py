"""The handle that pauses, resumes and stops a trainer between two groups of steps."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tui_vae.config import Change


class Control:
    """Controls one trainer. Every method may be called from any thread, any number of times."""

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
        """Why the trainer was asked to stop, or ``None``."""
        return self._stop_reason

    def pause(self) -> None:
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def stop(self, reason: str) -> None:
        """Ask for a stop after the present step; the first reason is kept. Ends a pause."""
        with self._changed:
            self._stop_reason = self._stop_reason or reason
            self._changed.notify_all()

    def request_checkpoint(self) -> None:
        """Ask for a checkpoint after the present step."""
        self._checkpoint = True

    def checkpoint_requested(self) -> bool:
        """Return whether a checkpoint was asked for since the last call."""
        requested = self._checkpoint
        if requested:
            self._checkpoint = False
        return requested

    def change(self, change: Change, by: str) -> bool:
        """Ask for a change from the next step on; return False if the trainer has ended or was asked to stop.

        Args:
            change: The change.
            by: Who asked, for the log.
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
        """Return the changes asked for since the last call, in order, each with who asked."""
        with self._changed:
            changes, self._changes = self._changes, []
            return changes

    def finish(self) -> bool:
        """Refuse changes from now on; return False and do nothing if one waits, which may add epochs."""
        with self._changed:
            self._closed = not self._changes
            return self._closed

    def close(self) -> None:
        """Refuse changes from now on."""
        with self._changed:
            self._closed = True

    def proceed(self, when_paused: Callable[[], None], when_changed: Callable[[], None]) -> bool:
        """Wait while paused; return False if the trainer is to stop. The trainer calls this before each group.

        Args:
            when_paused: Called once, when a pause begins.
            when_changed: Called in a pause to take the changes that wait.
        """
        # Without the lock: a flag may be seen one group late, and this is the hot loop.
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
