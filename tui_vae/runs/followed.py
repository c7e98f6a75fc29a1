"""A run in use, whose folder a person may rename, move or delete at any moment."""

from __future__ import annotations

import contextlib

from tui_vae.errors import RunStoreError
from tui_vae.runs.directory import RunDirectory
from tui_vae.runs.find import run_at
from tui_vae.runs.handle import DirectoryHandle


class FollowedRun:
    """Finds the run again wherever its folder was moved.

    Args:
        run: As it is called at first.

    Attributes:
        run: As it was called last.
        directory: Its directory, which is held open.

    Raises:
        RunStoreError: It is not there, or cannot be read.
    """

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        try:
            self.directory = DirectoryHandle(run.path)
        except OSError as error:
            raise RunStoreError(f"{run.path}: cannot be read ({error.strerror})") from error
        self._begun = self.directory.has(run.config.name)

    def find(self) -> RunDirectory | None:
        """The run as it is called now; ``None`` when its folder was deleted, or is being deleted file by file."""
        path = self.directory.find()
        if path is None or (self._begun and not self.directory.has(self.run.config.name)):
            return None
        if path != self.run.path:
            name = self.run.name
            with contextlib.suppress(RunStoreError):  # moved on meanwhile, or emptied
                name = run_at(path).name
            self.run = RunDirectory(path, name)
        return self.run
