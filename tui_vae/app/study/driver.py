"""Run a study: hand its trials to Ray, show how far they are, and stop when that is asked for."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from tui_vae.app.signals import StopSignals
from tui_vae.app.study.cluster import Cluster, Needs, connected, embedded, needs_of
from tui_vae.app.study.planning import StudyRequest, StudyView, plan_study
from tui_vae.app.study.trial import TrialJob, TrialOutcome, is_evaluated
from tui_vae.app.terminal import TerminalWatch, countdown
from tui_vae.config.study import Study
from tui_vae.errors import DataError, ExitCode, RunStoreError, TuiVaeError
from tui_vae.headless.formatters import let_go
from tui_vae.headless.study import StudyOutput
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.requests import Message, Requests
from tui_vae.run_store.study import StudyDirectory, make_study_folder, write_study
from tui_vae.view.study import TrialRow

_SECONDS_BETWEEN_LOOKS = 0.5
_FATAL: dict[int, type[TuiVaeError]] = {ExitCode.DATA: DataError, ExitCode.RUN_STORE: RunStoreError}
"""Failures that every other trial would have as well."""


def run_study(request: StudyRequest, output: StudyOutput, signals: StopSignals) -> int:
    """Train all trials of a study that are not finished; returns the exit code of the process.

    Raises:
        UsageError: Options clash, would make another study, or the cluster cannot train it. Nothing was started.
        RunStoreError: The study cannot be read or written, or another process runs it.
        DataError: The data set is not available.
    """
    directory, study, _ = plan_study(request)
    view = StudyView(directory, study)
    if not _left(directory, view):
        _write(request, directory)
        output.finish(view.rows, str(directory.path))
        return ExitCode.OK
    output.report("starting Ray" if request.address is None else f"connecting to {request.address}")
    stopped = _Stopped()
    signals.answer = stopped.later
    try:
        with _cluster(request) as cluster:
            signals.install()  # Ray has put a handler of its own in place of that of SIGTERM
            if stopped.by is not None:
                return ExitCode.STOPPED
            base = study.base
            needs = needs_of(int(base.threads), base.device, request.gpus_per_trial, cluster.nodes())
            at_once = cluster.check(needs, base.device)
            if request.storage is not None and cluster.remote:
                cluster.check_storage(request.storage)
            with _held(request, directory) as (study, lease):
                if cluster.remote and request.storage is None:
                    cluster.keep_in(directory.path.absolute())
                run = _Run(directory, study, cluster, output, at_once)
                return run.train(needs, lease, signals, stopped)
    finally:
        output.leave()


class _Stopped:
    """A signal that came before there was anything to stop: processes of Ray that are half started would stay."""

    def __init__(self) -> None:
        self.by: str | None = None

    def later(self, name: str) -> None:
        """Answer a signal: note it, and say so."""
        self.by = name
        with contextlib.suppress(OSError):
            os.write(2, f"tui-vae: stopping by {name} as soon as Ray answers\n".encode())


def _cluster(request: StudyRequest) -> contextlib.AbstractContextManager[Cluster]:
    return embedded() if request.address is None else connected(request.address)


@contextlib.contextmanager
def _held(request: StudyRequest, directory: StudyDirectory) -> Iterator[tuple[Study, Lease]]:
    """Be the one process that runs the study, with what is stored of it now.

    Raises:
        RunStoreError: Another process does, or the study cannot be written.
    """
    make_study_folder(directory)
    with countdown() as waiting:
        lease = Lease.acquire(directory.as_run, waiting=waiting)
    try:
        _, study, stored = plan_study(request)  # once more: nobody else can change it now
        if study != stored:
            write_study(directory, study)
        yield study, lease
    finally:
        lease.release()


def _write(request: StudyRequest, directory: StudyDirectory) -> None:
    """Store what was changed of a study in which nothing is left to train."""
    with _held(request, directory):
        pass


def _left(directory: StudyDirectory, view: StudyView) -> list[TrialRow]:
    """The trials that are not finished, or whose evaluation was stopped."""
    return [
        row for row in view.rows if row.state != "finished" or not is_evaluated(directory.run(row.trial), row.config)
    ]


class _Run:
    """A study that is run by this process."""

    def __init__(
        self, directory: StudyDirectory, study: Study, cluster: Cluster, output: StudyOutput, at_once: int
    ) -> None:
        self._directory = directory
        self._study = study
        self._cluster = cluster
        self._output = output
        self._at_once = at_once
        self._view = StudyView(directory, study)
        self._stop = threading.Event()
        self._stop_trials: list[str] = []
        self._stopping = False
        self._listening = True
        self._outcomes: list[TrialOutcome] = []

    def train(self, needs: Needs, lease: Lease, signals: StopSignals, stopped: _Stopped) -> int:
        """Train what is not finished.

        Raises:
            TuiVaeError: Something that every trial needs has failed.
        """
        signals.answer = lambda name: self._stop.set()
        if stopped.by is not None:
            return ExitCode.STOPPED
        terminal = TerminalWatch()
        signals.on_hangup = terminal.lose  # training goes on without it
        terminal.watch()
        requests = Requests(lease.token)
        lease.keep(
            lambda holder: self._stop.set(),
            lambda: requests.poll(self._directory.as_run, self._handle, lambda event: None),
        )
        left = _left(self._directory, self._view)
        self._tell(self._output.begin, self._study, self._view.rows, self._at_once)
        folder = str(self._directory.path.absolute())
        self._cluster.submit(
            [TrialJob(row.trial.id, folder, row.trial.folder, row.config.to_json()) for row in left], needs
        )
        while self._cluster.unfinished:
            self._take(self._cluster.wait(_SECONDS_BETWEEN_LOOKS))
            self._answer_requests()
            changed = self._view.refresh()
            self._tell(self._output.show, changed, self._view.rows)
        self._tell(self._output.finish, self._view.rows, str(self._directory.path))
        return self._exit_code()

    def _tell(self, show: Callable[..., None], *shown: Any) -> None:
        """Show something; a reader that has left, as at the end of a pipe, ends the output and not the study."""
        if not self._listening:
            return
        try:
            show(*shown)
        except (OSError, ValueError) as error:  # a closed pipe, a full disk, a closed stream
            self._listening = False
            let_go(error, str(self._directory.path))

    def _take(self, ended: list[TrialOutcome]) -> None:
        """Tell of the trials that ended badly, and stop all if every other would."""
        for outcome in ended:
            self._outcomes.append(outcome)
            if outcome.code in _FATAL:
                self._stop.set()  # the error at the end is of this trial
            elif outcome.message is not None:
                self._tell(self._output.problem, f"{outcome.id}: {outcome.message}")

    def _answer_requests(self) -> None:
        while self._stop_trials:
            self._cluster.cancel(self._stop_trials.pop())
        if self._stop.is_set() and not self._stopping:
            self._stopping = True
            self._tell(self._output.report, "stopping after a checkpoint of every trial")
            self._cluster.cancel()

    def _handle(self, message: Message) -> str | None:
        """Do what a watcher asks for; returns why not."""
        if message.action != "stop":
            return "a study can only be stopped"
        if message.model is None:
            self._stop.set()
        elif all(trial.id != message.model for trial in self._study.trials):
            return f"no trial named {message.model}"
        else:
            self._stop_trials.append(message.model)
        return None

    def _exit_code(self) -> int:
        """The exit code of the process.

        Raises:
            TuiVaeError: Something that every trial needs has failed.
        """
        fatal = next((outcome for outcome in self._outcomes if outcome.code in _FATAL), None)
        if fatal is not None:
            raise _FATAL[fatal.code](
                f"{fatal.id}: {fatal.message}; all trials are stopped, and the same command continues"
            )
        codes = {outcome.code for outcome in self._outcomes} - {ExitCode.OK}
        if ExitCode.STOPPED in codes:
            return ExitCode.STOPPED
        return min(codes, default=ExitCode.OK)
