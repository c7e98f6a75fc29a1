"""A study for the interface: its trials as a list of runs, any metric of them, and requests to stop."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Collection, Sequence

from tui_vae.app.study.answer import StudyPoint, lines_of
from tui_vae.app.study.planning import StudyFollower
from tui_vae.metrics import METRICS, NOISY, spacing_of
from tui_vae.run_status import ListedRun
from tui_vae.run_store.evaluations import has_evaluation, read_evaluation
from tui_vae.run_store.requests import send_request
from tui_vae.run_store.study import StudyDirectory
from tui_vae.view.run_source import HELD_OUT_ELBO, StudyListing
from tui_vae.view.sanitize import printable
from tui_vae.view.study import TrialRow, parameters_of, progress_text
from tui_vae.view.study_answer import PARAMETERS, StudyLine

SECONDS_OF_A_LOOK = 0.3
"""Trials that have not been read yet are read for so long at a time, so that the list of thousands comes at once."""

_ORDER = {state: place for place, state in enumerate(("running", "paused", "stalled", "failed", "killed", "stopped"))}
_LAST = {"finished": len(_ORDER), "waiting": len(_ORDER) + 2}


class StudyWatcher:
    """The trials of a study that this or another process runs. Methods may be called from any thread.

    Args:
        directory: The study's folder.

    Raises:
        RunStoreError: The study cannot be read.
        UsageError: Its options are not of this version.
    """

    def __init__(self, directory: StudyDirectory) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._follower = StudyFollower(directory, seconds=0.0)
        self._evaluated: dict[str, tuple[int, dict[str, tuple[float, float]]]] = {}
        self._place = 0
        self._known: dict[str, tuple[TrialRow, ListedRun]] = {}

    @property
    def name(self) -> str:
        return printable(self._directory.name)

    def look(self, seen: Collection[str] = ()) -> StudyListing:
        with self._lock:
            ids = {os.path.basename(key) for key in seen}
            seen_ids = [row.trial.id for row in self._follower.rows if row.trial.folder in ids]
            self._follower.look(seen_ids, SECONDS_OF_A_LOOK)
            rows = self._follower.rows
            self._read_evaluations(rows)
            given = {name for _, values in self._evaluated.values() for name in values}
            metrics = [name for name in (*METRICS, *(f"{name}{NOISY}" for name in METRICS)) if name in given]
            axes = [name for name, values in self._follower.study.vary.items() if _numbers(values)]
            running = "" if self._follower.running else " · no process runs it"
            return StudyListing(
                runs=tuple(sorted(map(self._listed, rows), key=_order)),
                progress=f"{progress_text(rows, self._follower.at_once)}{running}",
                metrics=(HELD_OUT_ELBO, *metrics),
                axes=(PARAMETERS, *axes),
                complete=not any(row.state == "unread" for row in rows),
            )

    def lines(self, metric: str, axis: str) -> tuple[StudyLine, ...]:
        with self._lock:
            return lines_of(self._points(metric), axis)

    def stop(self, trial: str | None) -> None:
        send_request(self._directory.as_run, "stop", trial)

    def _listed(self, row: TrialRow) -> ListedRun:
        known = self._known.get(row.trial.id)
        if known is None or known[0] is not row:
            self._known[row.trial.id] = known = row, self._made(row)
        return known[1]

    def _made(self, row: TrialRow) -> ListedRun:
        key = str(self._directory.run(row.trial).path)
        name = printable(row.trial.id)
        if row.run is None:
            return ListedRun(key, name, row.state, epochs=row.config.epochs)
        return dataclasses.replace(row.run, key=key, name=name, state=row.state)

    def _read_evaluations(self, rows: Sequence[TrialRow]) -> None:
        """Read the evaluations of finished trials, each once, for a while."""
        end = time.monotonic() + SECONDS_OF_A_LOOK
        left = [row for row in rows if row.state == "finished" and row.trial.id not in self._evaluated]
        # The next look goes on where this one ends: what has no evaluation yet must not hold up the others.
        for row in [*left[self._place :], *left[: self._place]]:
            run, model = self._directory.run(row.trial), row.trial.model
            stored = read_evaluation(run, model, per_image=False) if has_evaluation(run, model) else None
            if stored is not None:
                values = {value.metric: (value.value, spacing_of(value)) for value in stored.result.metrics}
                self._evaluated[row.trial.id] = stored.result.parameters.total, values
            else:
                self._place = (self._place + 1) % len(left)
            if time.monotonic() > end:
                return

    def _points(self, metric: str) -> list[StudyPoint]:
        points = []
        for row in self._follower.rows:
            size, values = self._evaluated.get(row.trial.id, (None, {}))
            if metric != HELD_OUT_ELBO:
                if size is not None and metric in values:
                    points.append(StudyPoint(row.trial, size, *values[metric]))
            elif row.run is not None and row.run.elbo is not None:
                spec = row.config.models[0]
                if size is None and spec.network is None:
                    size = parameters_of(spec, row.config).total
                if size is not None:  # of networks of the user's own it is known once they are evaluated
                    points.append(StudyPoint(row.trial, size, row.run.elbo))
        return points


def _numbers(values: Sequence[object]) -> bool:
    return sum(isinstance(value, (int, float)) for value in values) > 1


def _order(run: ListedRun) -> int:
    return _LAST.get(run.state, _ORDER.get(run.state, len(_ORDER) + 1))
