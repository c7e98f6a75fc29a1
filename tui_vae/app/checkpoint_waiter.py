"""Knows which running models have saved a checkpoint since somebody asked."""

from __future__ import annotations

import threading

from tui_vae.events import Checkpoint, Event, State


class NewestCheckpoints:
    """A sink of events that lets others wait for the checkpoints that they asked for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: set[str] = set()
        self._expected: set[str] = set()

    def __call__(self, event: Event) -> None:
        with self._changed:
            if isinstance(event, State):
                # Whoever pauses or ends has saved before.
                (self._running.add if event.state == "running" else self._running.discard)(event.model)
                self._expected &= self._running
            elif isinstance(event, Checkpoint) and event.kind == "latest":
                self._expected.discard(event.model)
            self._changed.notify_all()

    def expect(self) -> None:
        """Expect a checkpoint of every model that runs; before they are asked for one."""
        with self._changed:
            self._expected = set(self._running)

    def wait(self, timeout: float) -> bool:
        """Wait until all that are expected are there; False if they were not within ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._expected, timeout)
