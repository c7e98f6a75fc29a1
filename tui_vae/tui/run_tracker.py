"""Which runs the interface reads: the one it was opened on, another one shown instead, and those compared."""

from __future__ import annotations

import os

from tui_vae.events import Event
from tui_vae.tui.background import RunOpener
from tui_vae.view.run_source import OpenedRun, RunSource
from tui_vae.view.state import RunState, reduce, reduce_all

MOST_COMPARED = 8


class TrackedRun:
    """An open run of the library, and its state; at first only its name is known."""

    def __init__(self, key: str, source: OpenedRun, name: str) -> None:
        self.key = key
        self.source = source
        self.state = RunState(name=name)

    def take(self) -> None:
        """Read the new events."""
        self.state = _after(self.state, self.source)


class RunTracker:
    """Tracks the first run to its end, also while another is shown: its notices and its end must not be missed.

    Args:
        opener: Opens the first run.
        state: State of the first run before its first event.
    """

    def __init__(self, opener: RunOpener, state: RunState) -> None:
        self.opener = opener
        self.first_state = state
        self.visited: TrackedRun | None = None
        self.started: set[str] = set()
        """Keys of runs that were started or resumed from here, in processes of their own."""
        self._compared: dict[str, TrackedRun | None] = {}
        """By key, in the order in which they were marked; ``None`` stands for the first run."""

    @property
    def first(self) -> RunSource | None:
        """The run that the interface was opened on, once it is open."""
        return self.opener.source

    @property
    def is_empty(self) -> bool:
        """Whether no run is open or being opened."""
        return self.source is None and self.opener.waiting is None

    @property
    def first_key(self) -> str | None:
        return os.path.abspath(self.first.directory()) if self.first is not None else None

    @property
    def source(self) -> RunSource | None:
        """Source of the run that is shown, once it is open."""
        return self.visited.source if self.visited is not None else self.first

    @property
    def key(self) -> str | None:
        """Key of the run that is shown."""
        return self.visited.key if self.visited is not None else self.first_key

    @property
    def state(self) -> RunState:
        """State of the run that is shown."""
        return self.visited.state if self.visited is not None else self.first_state

    @property
    def marks(self) -> tuple[str, ...]:
        """Keys of the runs to compare with."""
        return tuple(self._compared)

    @property
    def compared(self) -> tuple[RunState, ...]:
        """States of the marked runs, without the one that is shown."""
        return tuple(
            run.state if run is not None else self.first_state for key, run in self._compared.items() if key != self.key
        )

    @property
    def training(self) -> bool:
        """Whether the run that is shown, or the first, may still train, so that the interface keeps to its budget."""
        return any(
            source is not None and state.status is None
            for source, state in ((self.first, self.first_state), (self.source, self.state))
        )

    @property
    def trains_here(self) -> bool:
        """Whether the first run trains in this process."""
        return self.first is not None and self.first.own and self.first_state.status is None

    def take(self) -> None:
        """Read the new events of all runs."""
        if self.first is not None:
            self.first_state = _after(self.first_state, self.first)
        for run in (self.visited, *self._compared.values()):
            if run is not None:
                run.take()

    def add(self, event: Event) -> None:
        """Add an event of this process to the first run."""
        self.first_state = reduce(self.first_state, event)

    def visit(self, run: TrackedRun | None) -> None:
        """Show a run, or with ``None`` the first again; the one shown before is closed, if it is not the first."""
        if self.visited is not None:
            self.visited.source.close()
        self.visited = run

    def mark(self, key: str, run: TrackedRun | None) -> None:
        """Compare with a run; ``None`` stands for the first."""
        self._compared[key] = run

    def unmark(self, key: str) -> None:
        """Compare with a run no more."""
        run = self._compared.pop(key, None)
        if run is not None:
            run.source.close()

    def close(self) -> None:
        """Close all runs but the first."""
        self.visit(None)
        for key in self.marks:
            self.unmark(key)


def _after(state: RunState, source: RunSource) -> RunState:
    events = source.poll()
    return reduce_all(RunState() if source.restarted else state, events)
