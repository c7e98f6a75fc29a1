"""What a study consists of, and how far its trials are. Loads neither torch nor Ray."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_vae.config.study import Setting, Study, plan
from tui_vae.errors import RunStoreError, UsageError
from tui_vae.run_status import ListedRun
from tui_vae.run_store.directory import run_folder
from tui_vae.run_store.heartbeat import Observer
from tui_vae.run_store.study import StudyDirectory, read_study, study_at, study_named
from tui_vae.run_store.summary_cache import SummaryCache
from tui_vae.view.study import TrialRow

SECONDS_BETWEEN_LOOKS = 1.0
_LOOKS_WITHOUT_WRITER = 3
"""A study whose process begins has no lease for a moment."""


@dataclass(frozen=True)
class StudyRequest:
    """A study as it was asked for.

    Attributes:
        name: Of the study.
        runs_dir: Where it is kept.
        typed: The train options that were given, by the names of their fields.
        vary: What varies.
        address: Of a Ray cluster; ``None`` for an embedded one on this machine.
        storage: A folder that every node of the cluster sees, in which the study is kept instead of ``runs_dir``.
        gpus_per_trial: GPUs, or a fraction of one, that each trial gets; ``None`` for one where there are any.
    """

    name: str
    runs_dir: Path
    typed: Mapping[str, Any]
    vary: Mapping[str, Sequence[Setting]]
    address: str | None = None
    storage: Path | None = None
    gpus_per_trial: float | None = None

    @property
    def folder(self) -> Path:
        """Where studies are kept."""
        return self.storage or self.runs_dir


def plan_study(request: StudyRequest) -> tuple[StudyDirectory, Study, Study | None]:
    """Plan a study; nothing is written.

    Returns:
        Its folder, the study, and what is stored of it.

    Raises:
        UsageError: Options clash, or would make another study of the stored one.
        RunStoreError: What is stored cannot be read.
    """
    directory = study_named(request.folder, request.name)
    stored = read_study(directory) if study_at(directory.path) is not None else None
    planned = plan(request.name, request.typed, request.vary, run_folder, now=time.time(), stored=stored)
    return directory, planned, stored


class StudyView:
    """The trials of a study as they are now, for one thread at a time.

    Args:
        directory: The study's folder.
        study: Its trials.
        seconds: How long trials are read before the others are left unread for now.
    """

    def __init__(self, directory: StudyDirectory, study: Study, seconds: float = math.inf) -> None:
        self._directory = directory
        self._cache = SummaryCache(directory.path)
        try:
            self._rows = {trial.id: TrialRow(trial, config) for trial, config in study.configs()}
        except UsageError as error:
            raise UsageError(f"{directory.file}: {error}") from error
        self._unread = set(self._rows)
        self.refresh(seconds=seconds)

    @property
    def rows(self) -> Sequence[TrialRow]:
        """All trials, in the order of the study."""
        return tuple(self._rows.values())

    def row(self, id: str) -> TrialRow:
        return self._rows[id]

    def refresh(self, seen: Collection[str] = (), seconds: float = math.inf) -> list[TrialRow]:
        """Look at the trials that are not finished; returns those that have changed.

        Args:
            seen: Ids of trials to look at first.
            seconds: How long trials are read that have not been before; the others follow next time.
        """
        end = time.monotonic() + seconds
        there = self._folders()
        known = [id for id, row in self._rows.items() if id not in self._unread and row.state != "finished"]
        changed = [self._look(id) for id in dict.fromkeys((*seen, *known)) if self._rows[id].trial.folder in there]
        for id in [id for id in self._rows if id in self._unread]:
            if self._rows[id].trial.folder not in there:
                continue
            if time.monotonic() > end:
                changed.append(self._put_off(id))
            else:
                changed.append(self._look(id))
        return [row for row in changed if row is not None]

    def _look(self, id: str) -> TrialRow | None:
        """Summarise the run of a trial; returns the trial if that has changed."""
        row = self._rows[id]
        self._unread.discard(id)
        run = self._cache.look(self._directory.run(row.trial))
        if run == row.run:
            return None
        self._rows[id] = TrialRow(row.trial, row.config, run)
        return self._rows[id]

    def _put_off(self, id: str) -> TrialRow | None:
        """Note that a trial has begun, and is to be read later."""
        row = self._rows[id]
        if row.run is not None:
            return None
        run = ListedRun(str(self._directory.run(row.trial).path), row.trial.id, "unread")
        self._rows[id] = TrialRow(row.trial, row.config, run)
        return self._rows[id]

    def _folders(self) -> set[str]:
        """Names of the trials' folders; none where the study's cannot be read now."""
        try:
            return set(os.listdir(self._directory.path))
        except OSError:
            return set()


class StudyFollower:
    """A study that another process may run and add trials to, for one thread at a time.

    Args:
        directory: The study's folder.
        seconds: As for :class:`StudyView`.

    Attributes:
        study: As it is stored now.
        running: Whether a process runs it.

    Raises:
        RunStoreError: The study cannot be read.
        UsageError: Its options are not of this version.
    """

    def __init__(self, directory: StudyDirectory, seconds: float = math.inf) -> None:
        self._directory = directory
        self._writer = Observer(directory.as_run)
        self._missed = 0
        self._read(seconds)
        self.running = self._writer.look().liveness != "gone"

    @property
    def rows(self) -> Sequence[TrialRow]:
        """All trials, in the order of the study."""
        return self._view.rows

    @property
    def at_once(self) -> int:
        """How many trials are trained now, at least one."""
        return max(1, sum(row.run is not None and row.run.live for row in self.rows))

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected: all is finished, or nobody has run the study for some looks."""
        return self._missed >= _LOOKS_WITHOUT_WRITER or all(row.state == "finished" for row in self.rows)

    def look(self, seen: Collection[str] = (), seconds: float = math.inf) -> Sequence[TrialRow]:
        """Look at the trials that are not finished; returns those that have changed, or all of a study that grew.

        Args:
            seen: Ids of trials to look at first.
            seconds: As for :meth:`StudyView.refresh`.
        """
        self.running = self._writer.look().liveness != "gone"
        self._missed = 0 if self.running else self._missed + 1
        if self._stored_at() != self._read_at:
            with contextlib.suppress(RunStoreError):  # its folder may be away for a moment
                self._read(seconds)
                return self.rows
        return self._view.refresh(seen, seconds)

    def _read(self, seconds: float) -> None:
        self._read_at = self._stored_at()
        self.study = read_study(self._directory)
        self._view = StudyView(self._directory, self.study, seconds)

    def _stored_at(self) -> int | None:
        try:
            return os.stat(self._directory.file).st_mtime_ns
        except OSError:
            return None
