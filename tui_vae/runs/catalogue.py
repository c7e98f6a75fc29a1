"""The list of runs for those who look again and again: what has not changed since is not read again."""

from __future__ import annotations

import os
from pathlib import Path

from tui_vae.runs.directory import RunDirectory
from tui_vae.runs.listing import newest_first, runs_in
from tui_vae.runs.liveness import Observer
from tui_vae.runs.summary import RunSummary, summarised

_AT_REST = ("finished", "stopped", "failed", "killed", "empty", "damaged")
"""States that do not change while the files do not: of all others, time alone makes another."""

Signature = tuple[tuple[int, int, int] | None, ...]


class Catalogue:
    """The runs of a directory; for one thread at a time."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir
        self._writers: dict[Path, Observer] = {}
        self._known: dict[Path, tuple[Signature, RunSummary]] = {}

    def read(self) -> list[RunSummary]:
        """The runs, newest first.

        Raises:
            RunStoreError: The directory cannot be read. One that is not there has no runs.
        """
        known = {}
        for run in newest_first(runs_in(self._runs_dir)):
            signature = _signature(run)
            before = self._known.get(run.path)
            if before is None or before[0] != signature or before[1].state not in _AT_REST:
                # Looked at again at every reading, so that in time a heartbeat is seen to change, or not to.
                writer = self._writers.setdefault(run.path, Observer(run))
                before = (signature, summarised(run, writer.look().liveness))
            if before[1].state in _AT_REST:
                self._writers.pop(run.path, None)
            known[run.path] = before
        self._known = known
        return [summary for _, summary in known.values()]


def _signature(run: RunDirectory) -> Signature:
    """Changes whenever one of the files does from which a summary is made."""
    return tuple(_about(path) for path in (run.log, run.config, run.lease))


def _about(path: Path) -> tuple[int, int, int] | None:
    try:
        about = os.lstat(path)
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns
