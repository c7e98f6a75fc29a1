"""Which runs the interface takes events of: the one it was opened on, another in its place, and those compared."""

from __future__ import annotations

import os

from tui_vae.events import Event
from tui_vae.tui.background import Loader
from tui_vae.view.library import OpenedRun
from tui_vae.view.run_source import RunSource
from tui_vae.view.state import RunState, reduce, reduce_all

MOST_COMPARED = 8


class FollowedRun:
    """A run of the library that is open, and what is known of it: at first no more than what it is called."""

    def __init__(self, key: str, source: OpenedRun, name: str) -> None:
        self.key = key
        self.source = source
        self.state = RunState(name=name)

    def take(self) -> None:
        """Take what is new."""
        self.state = _after(self.state, self.source)


class Following:
    """The first run is followed to the end, also while another is shown: its notices and its end are not to be missed.

    Args:
        loader: Opens the first run.
        state: What is known of it before its first event.
    """

    def __init__(self, loader: Loader, state: RunState) -> None:
        self._loader = loader
        self.first_state = state
        self.visited: FollowedRun | None = None
        self._compared: dict[str, FollowedRun | None] = {}
        """By key, in the order in which they were marked; ``None`` stands for the first run."""

    @property
    def first(self) -> RunSource | None:
        """The run that the interface was opened on, once it is open."""
        return self._loader.source

    @property
    def nothing(self) -> bool:
        """Whether no run is open, nor about to be."""
        return self.source is None and self._loader.waiting is None

    @property
    def first_key(self) -> str | None:
        return os.path.abspath(self.first.directory()) if self.first is not None else None

    @property
    def source(self) -> RunSource | None:
        """Of the run that is shown."""
        return self.visited.source if self.visited is not None else self.first

    @property
    def key(self) -> str | None:
        """Of the run that is shown."""
        return self.visited.key if self.visited is not None else self.first_key

    @property
    def state(self) -> RunState:
        """Of the run that is shown."""
        return self.visited.state if self.visited is not None else self.first_state

    @property
    def marks(self) -> tuple[str, ...]:
        """Keys of the runs to compare with."""
        return tuple(self._compared)

    @property
    def compared(self) -> tuple[RunState, ...]:
        """The marked runs, but for the one that is shown."""
        return tuple(
            run.state if run is not None else self.first_state for key, run in self._compared.items() if key != self.key
        )

    @property
    def training(self) -> bool:
        """Whether the run that is shown, or the first, may still train: then the interface keeps to its budget."""
        return any(
            source is not None and state.status is None
            for source, state in ((self.first, self.first_state), (self.source, self.state))
        )

    def take(self) -> None:
        """Take what is new of all of them."""
        if self.first is not None:
            self.first_state = _after(self.first_state, self.first)
        for run in (self.visited, *self._compared.values()):
            if run is not None:
                run.take()

    def tell(self, event: Event) -> None:
        """Add what this process has to say: it belongs to the first run."""
        self.first_state = reduce(self.first_state, event)

    def visit(self, run: FollowedRun | None) -> None:
        """Show a run, or the first again; the one shown before is closed, if it is not the first."""
        if self.visited is not None:
            self.visited.source.close()
        self.visited = run

    def compare(self, key: str, run: FollowedRun | None) -> None:
        """Mark a run; ``None`` for the first."""
        self._compared[key] = run

    def leave_out(self, key: str) -> None:
        """Mark a run no more."""
        run = self._compared.pop(key, None)
        if run is not None:
            run.source.close()

    def close(self) -> None:
        """Follow none but the first."""
        self.visit(None)
        for key in self.marks:
            self.leave_out(key)


def _after(state: RunState, source: RunSource) -> RunState:
    events = source.poll()
    return reduce_all(RunState() if source.restarted else state, events)
