"""The stored runs as an interface needs them: to list, to look into, to open, to keep, and to begin others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tui_vae.run_status import ListedRun
from tui_vae.view.image_cells import Sheet
from tui_vae.view.run_source import RunSource
from tui_vae.view.state import RunState


@dataclass(frozen=True)
class Preview:
    """What a run looks like: its course, and the newest digits of its models by name."""

    state: RunState = field(default_factory=RunState)
    sheets: Mapping[str, Sheet] = field(default_factory=dict)


class OpenedRun(RunSource, Protocol):
    """A source that is to be closed when nobody looks any more."""

    def close(self) -> None: ...


class RunLibrary(Protocol):
    """The runs of one folder. Every method may take long, and may be called from any thread.

    Each raises :class:`tui_vae.errors.TuiVaeError`, with a line for people, when it cannot do what it is asked for.
    """

    @property
    def folder(self) -> str:
        """Where the runs are kept, for people."""

    def list(self, seen: Collection[str] = ()) -> Sequence[ListedRun]:
        """All runs, newest first: those that are ``seen``, by their keys, as they are now, the others as they were.

        The same object as before while nothing has changed.
        """

    def look(self, key: str) -> ListedRun:
        """A run as it is now."""

    def preview(self, key: str) -> Preview:
        """What a run looks like now."""

    def open(self, key: str) -> OpenedRun:
        """Follow a run, and control it while a process trains it."""

    def rename(self, key: str, name: str) -> str:
        """Give a run another name; returns its key from now on. Refused while a process writes it."""

    def delete(self, key: str) -> None:
        """Delete a run for good. Refused while a process writes it."""

    def resume(self, key: str) -> str:
        """Go on with a run in a process of its own; returns its key once that process is its writer."""

    def start(self, arguments: Sequence[str]) -> str:
        """Begin a run in a process of its own, with the train options of a command line.

        Returns:
            Its key, once there is a run.
        """
