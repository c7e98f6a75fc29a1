"""The list of runs for those who look again and again: what is new is read, and what is seen is summarised."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tui_vae.runs.directory import CONFIG, LOG, RunDirectory
from tui_vae.runs.find import entries_of, order_key, run_called
from tui_vae.runs.head import Start, read_start
from tui_vae.runs.heartbeat import Observer
from tui_vae.runs.summary import RunSummary, summarised

MOST_CHECKED = 100
"""Entries of which each look at the list makes sure that they are what they were; the others have their turn later."""

SECONDS_OF_A_TICK = 2.5
"""Beyond that of the coarsest clock by which a file system marks a change of a directory."""

SECONDS_WITHOUT_NAMES = 15.0
"""For which the mark is believed, for not every file system sets it."""

_AT_REST = ("finished", "stopped", "failed", "killed", "empty", "damaged")
"""States that do not change while the files do not: of all others, time alone makes another."""

Signature = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class CataloguedRun:
    """A run and the unix time of its start, as far as its log tells it."""

    run: RunDirectory
    began: float | None


@dataclass(frozen=True)
class _Entry:
    """An entry of the directory: a run or not, and the files by which that was judged."""

    run: RunDirectory | None
    start: Start | None
    files: tuple[int | None, ...]


class Catalogue:
    """The runs of a directory; for one thread at a time.

    What costs time with the number of runs is done once a run. Later looks list the names in the directory where it
    has changed, and beyond that cost the same however many runs there are.
    """

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir
        self._entries: dict[str, _Entry] = {}
        self._changed: int | None = None
        self._changed_at = self._listed_at = 0.0
        self._turns: deque[str] = deque()
        self._unsettled: set[str] = set()
        self._order: tuple[CataloguedRun, ...] = ()
        self._known: dict[Path, tuple[Signature, RunSummary]] = {}
        self._writers: dict[Path, Observer] = {}

    def runs(self) -> Sequence[CataloguedRun]:
        """The runs, newest first; the same object while nothing of that has changed.

        Raises:
            RunStoreError: The directory cannot be read. One that is not there has no runs.
        """
        gone, new = self._come_and_gone()
        for name in gone:
            self._forget(name)
        changed = [name for name in (*new, *self._due()) if self._read(name)]
        self._turns.extend(new)
        if gone or changed:
            found = [(entry.run, entry.start) for entry in self._entries.values() if entry.run is not None]
            found.sort(key=lambda entry: order_key(*entry), reverse=True)
            self._order = tuple(CataloguedRun(run, start.t if start else None) for run, start in found)
        return self._order

    def summary(self, run: RunDirectory) -> RunSummary:
        """A run as it is now; it is read when its files are not those of the last time, or its writer may live."""
        signature = _signature(run)
        known = self._known.get(run.path)
        if known is None or known[0] != signature or known[1].state not in _AT_REST:
            # The same observer each time: it is by looking again that a sign of life is seen.
            writer = self._writers.setdefault(run.path, Observer(run))
            self._known[run.path] = known = signature, summarised(run, writer.look().liveness)
            if known[1].state in _AT_REST:
                del self._writers[run.path]
        return known[1]

    def _come_and_gone(self) -> tuple[set[str], set[str]]:
        """Names of entries that are there no more, and of those that are new."""
        now = time.monotonic()
        try:
            changed = os.stat(self._runs_dir).st_mtime_ns
        except OSError:
            changed = None
        if changed != self._changed:
            self._changed, self._changed_at = changed, now
        # What comes within the same tick of a disk's clock as another leaves no mark of its own.
        certain = self._listed_at > self._changed_at + SECONDS_OF_A_TICK
        if certain and now < self._listed_at + SECONDS_WITHOUT_NAMES:
            return set(), set()
        self._listed_at = now
        names = set(entries_of(self._runs_dir))
        return self._entries.keys() - names, names - self._entries.keys()

    def _due(self) -> set[str]:
        """Entries whose turn it is: the same number at each look, and with them those yet to say when they began."""
        due = set(islice(self._unsettled, MOST_CHECKED))
        for _ in range(min(MOST_CHECKED, len(self._turns))):
            name = self._turns.popleft()
            if name in self._entries:
                self._turns.append(name)
                due.add(name)
        return due

    def _read(self, name: str) -> bool:
        """Look at an entry, and read it if it is new or has other files; whether that makes another list."""
        known, files = self._entries.get(name), _files(f"{self._runs_dir}/{name}")
        if known is not None and known.files == files and name not in self._unsettled:
            return False
        run = run_called(self._runs_dir, name)
        self._entries[name] = entry = _Entry(run, read_start(run) if run is not None else None, files)
        # Until its log begins, what is to be said of a run may change without any other file.
        (self._unsettled.add if run is not None and entry.start is None else self._unsettled.discard)(name)
        return known is None or (known.run, known.start) != (entry.run, entry.start)

    def _forget(self, name: str) -> None:
        run = self._entries.pop(name).run
        self._unsettled.discard(name)
        if run is not None:
            self._known.pop(run.path, None)
            self._writers.pop(run.path, None)


def _files(path: str) -> tuple[int | None, ...]:
    """Numbers of the files that make a run of an entry: of its log, or of what there is where it has none."""
    log = _inode(f"{path}/{LOG}")
    return (log,) if log is not None else (_inode(f"{path}/{CONFIG}"), _inode(f"{path}/."))


def _inode(path: str) -> int | None:
    try:
        return os.lstat(path).st_ino
    except OSError:
        return None


def _signature(run: RunDirectory) -> Signature:
    """Changes whenever one of the files does from which a summary is made."""
    return tuple(_about(path) for path in (run.log, run.config, run.lease))


def _about(path: Path) -> tuple[int, int, int] | None:
    try:
        about = os.lstat(path)
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns
