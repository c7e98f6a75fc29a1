"""The stored runs as the interface uses them: list, preview, open, rename, delete, resume and start."""

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
    """A run's state, and the newest samples of its models by name."""

    state: RunState = field(default_factory=RunState)
    sheets: Mapping[str, Sheet] = field(default_factory=dict)


class OpenedRun(RunSource, Protocol):
    """A source that must be closed."""

    def close(self) -> None: ...


class RunLibrary(Protocol):
    """The runs of one folder. Every method may block, and may be called from any thread.

    On failure each raises :class:`tui_vae.errors.TuiVaeError` with a one-line message. All texts are printable.
    """

    @property
    def folder(self) -> str:
        """The folder, to display."""

    def list(self, seen: Collection[str] = ()) -> Sequence[ListedRun]:
        """List all runs, newest first; the same object while nothing has changed.

        Args:
            seen: Keys of runs to summarise as they are now; the others are as they were then, or unread.
        """

    def look(self, key: str) -> ListedRun:
        """Summarise a run as it is now."""

    def preview(self, key: str) -> Preview:
        """Read what a run looks like now."""

    def open(self, key: str) -> OpenedRun:
        """Follow a run, with control of the process that trains it."""

    def rename(self, key: str, name: str) -> str:
        """Rename a run; returns its new key. Refused while a process writes it."""

    def delete(self, key: str) -> None:
        """Delete a run for good. Refused while a process writes it."""

    def resume(self, key: str) -> str:
        """Resume a run in another process; returns its key when that process is its writer."""

    def start(self, arguments: Sequence[str]) -> str:
        """Start a run in another process, with train options; returns its key when the run exists."""
