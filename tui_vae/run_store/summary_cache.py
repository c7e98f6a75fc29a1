"""The runs of a directory for a list that is refreshed again and again: each is read only when it has changed."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tui_vae.run_status import ListedRun, ListState
from tui_vae.run_store.directory import CONFIG, LOG, RunDirectory
from tui_vae.run_store.find import entries_of, order_key, run_called
from tui_vae.run_store.heartbeat import Observer
from tui_vae.run_store.log_decoder import Start, read_start
from tui_vae.run_store.study import STUDY, StudyDirectory, read_study_start, study_at
from tui_vae.run_store.summary import summarise

MOST_CHECKED = 100
"""Entries that each refresh checks for changed files, in turn."""

_SECONDS_OF_TRIALS = 0.2
"""For which the trials of a study are read at a time."""

SECONDS_OF_A_TICK = 2.5
"""More than the tick of the coarsest clock by which a file system marks a change of a directory."""

SECONDS_WITHOUT_NAMES = 15.0
"""How long the mark is believed, for not every file system sets it."""

_AT_REST = ("finished", "stopped", "failed", "killed", "empty", "damaged")
"""States that change only with the files; all others also with time."""

Signature = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class _Entry:
    """An entry of the directory: a run or not, and the inodes of the files by which that was judged."""

    run: RunDirectory | None
    start: Start | None
    files: tuple[int | None, ...]


class SummaryCache:
    """The runs of a directory; for one thread at a time.

    Reading a run is done once. Later refreshes list the names in the directory if that has changed, and otherwise cost
    the same however many runs there are.

    Args:
        runs_dir: Directory of the runs.
        clean: Applied to each summary when it is made, such as to make its texts printable.
    """

    def __init__(self, runs_dir: Path, clean: Callable[[ListedRun], ListedRun] | None = None) -> None:
        self._runs_dir = runs_dir
        self._clean = clean
        self._entries: dict[str, _Entry] = {}
        self._changed: int | None = None
        self._changed_at = self._listed_at = 0.0
        self._turns: deque[str] = deque()
        self._unsettled: set[str] = set()
        self._runs: dict[str, RunDirectory] = {}
        self._rows: dict[str, ListedRun] = {}
        self._listed: Sequence[ListedRun] | None = ()
        self._known: dict[str, tuple[Signature, ListedRun]] = {}
        self._writers: dict[str, Observer] = {}
        self._studies: dict[str, StudyRow] = {}

    def list(self, seen: Collection[str] = ()) -> Sequence[ListedRun]:
        """List the runs, newest first; the same object while nothing has changed.

        Args:
            seen: Keys of runs to summarise as they are now. The others are as they were then, or unread.

        Raises:
            RunStoreError: The directory cannot be read. One that does not exist has no runs.
        """
        self._refresh()
        for key in seen:
            if key in self._runs:
                self.look(self._runs[key])
        if self._listed is None:
            self._listed = tuple(self._rows.values())
        return self._listed

    def look(self, run: RunDirectory) -> ListedRun:
        """Summarise a run as it is now; read only if its files have changed, or its writer may be alive."""
        key, signature = str(run.path), _signature(run)
        if key in self._studies:
            return self._look_at_study(key)
        known = self._known.get(key)
        if known is None or known[0] != signature or known[1].state not in _AT_REST:
            # The same observer each time: only repeated looks see a heartbeat.
            writer = self._writers.setdefault(key, Observer(run))
            self._known[key] = known = signature, self._cleaned(summarise(run, writer.look().liveness))
            if known[1].state in _AT_REST:
                del self._writers[key]
        return self._noted(key, known[1])

    def _noted(self, key: str, row: ListedRun) -> ListedRun:
        if key in self._rows and row != self._rows[key]:
            self._rows[key], self._listed = row, None
        return row

    def _look_at_study(self, key: str) -> ListedRun:
        row = self._cleaned(self._studies[key].look())
        self._known[key] = (), row
        return self._noted(key, row)

    def _refresh(self) -> None:
        """Find the runs that have come, gone or changed their place."""
        gone, new = self._come_and_gone()
        for name in gone:
            self._forget(name)
        changed = [name for name in (*new, *self._due()) if self._read(name)]
        self._turns.extend(new)
        if gone or changed:
            found = [(entry.run, entry.start) for entry in self._entries.values() if entry.run is not None]
            found.sort(key=lambda entry: order_key(*entry), reverse=True)
            self._runs = {str(run.path): run for run, _ in found}
            self._rows = {key: self._row(key, *entry) for key, entry in zip(self._runs, found, strict=True)}
            self._listed = None

    def _row(self, key: str, run: RunDirectory, start: Start | None) -> ListedRun:
        if key in self._known:
            return self._known[key][1]
        began = start.t if start is not None else None
        return self._cleaned(ListedRun(key, run.name, "unread", began=began))

    def _cleaned(self, found: ListedRun) -> ListedRun:
        return self._clean(found) if self._clean is not None else found

    def _come_and_gone(self) -> tuple[set[str], set[str]]:
        """Names of entries that are gone, and of new ones."""
        now = time.monotonic()
        try:
            changed = os.stat(self._runs_dir).st_mtime_ns
        except OSError:
            changed = None
        if changed != self._changed:
            self._changed, self._changed_at = changed, now
        # Two changes within one tick of the file system's clock leave one mark.
        certain = self._listed_at > self._changed_at + SECONDS_OF_A_TICK
        if certain and now < self._listed_at + SECONDS_WITHOUT_NAMES:
            return set(), set()
        self._listed_at = now
        names = set(entries_of(self._runs_dir))
        return self._entries.keys() - names, names - self._entries.keys()

    def _due(self) -> set[str]:
        """Names of the entries to check now: some in turn, and some of the runs whose log has not begun."""
        due = set(islice(self._unsettled, MOST_CHECKED))
        for _ in range(min(MOST_CHECKED, len(self._turns))):
            name = self._turns.popleft()
            if name in self._entries:
                self._turns.append(name)
                due.add(name)
        return due

    def _read(self, name: str) -> bool:
        """Read an entry if it is new or has other files; returns whether that changes the list."""
        known, files = self._entries.get(name), _files(f"{self._runs_dir}/{name}")
        if known is not None and known.files == files and name not in self._unsettled:
            return False
        run = run_called(self._runs_dir, name)
        start: Start | None = read_start(run) if run is not None else None
        study = study_at(self._runs_dir / name) if run is None else None
        if study is not None:
            run, row = study.as_run, StudyRow(study)
            self._studies[str(run.path)], start = row, row.begun
        self._entries[name] = entry = _Entry(run, start, files)
        # A log that exists and is empty may begin without a new inode.
        (self._unsettled.add if run is not None and entry.start is None else self._unsettled.discard)(name)
        return known is None or (known.run, known.start) != (entry.run, entry.start)

    def _forget(self, name: str) -> None:
        run = self._entries.pop(name).run
        self._unsettled.discard(name)
        if run is not None:
            self._known.pop(str(run.path), None)
            self._writers.pop(str(run.path), None)
            self._studies.pop(str(run.path), None)


class StudyRow:
    """A study in the list: who runs it, and how many of its trials are finished, which are read for a while a look."""

    def __init__(self, study: StudyDirectory) -> None:
        self._study = study
        self.start = read_study_start(study)
        self._writer = Observer(study.as_run)
        self._runs = SummaryCache(study.path)

    @property
    def begun(self) -> Start | None:
        """Its start, as that of a run."""
        start = self.start
        return Start(1, start.created, "run_started", self._study.name) if start is not None else None

    def look(self, seconds: float = _SECONDS_OF_TRIALS) -> ListedRun:
        """Summarise the study; trials are read for so many seconds, and the others the next time."""
        key, name, start = str(self._study.path), self._study.name, self.start
        if start is None:
            return ListedRun(key, name, "damaged", trouble="its study.json cannot be read")
        end = time.monotonic() + seconds
        runs = [
            run
            if run.state in _AT_REST or time.monotonic() > end
            else self._runs.look(RunDirectory(Path(run.key), run.name))
            for run in self._runs.list()
        ]
        done, every = sum(run.state == "finished" for run in runs), len(start.trials)
        state: ListState = "finished" if done >= every else "stopped"
        if self._writer.look().liveness != "gone":
            state = "running"
        size = sum(run.size for run in runs)
        return ListedRun(key, name, state, began=start.created, size=size, trials=(done, every))


def _files(path: str) -> tuple[int | None, ...]:
    """Inodes of the files that make an entry a run: of its log, or else of its configuration and its folder."""
    log = _inode(f"{path}/{LOG}")
    return (log,) if log is not None else (_inode(f"{path}/{CONFIG}"), _inode(f"{path}/{STUDY}"), _inode(f"{path}/."))


def _inode(path: str) -> int | None:
    try:
        return os.lstat(path).st_ino
    except OSError:
        return None


def _signature(run: RunDirectory) -> Signature:
    """Identifies the content of the files from which a summary is made."""
    return tuple(_file_status(path) for path in (run.log, run.config, run.lease))


def _file_status(path: Path) -> tuple[int, int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
