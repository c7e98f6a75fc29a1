"""A training run of this process as a source for any front end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from tui_vae.app.evaluation_process import Evaluator
from tui_vae.app.interpreter import gc_paused
from tui_vae.config import Change, ChangeKind
from tui_vae.errors import ExitCode, RunStoreError, TuiVaeError, UsageError
from tui_vae.events import Checkpoint, Event, ModelResult, Notice, State
from tui_vae.machine.sampler import this_process
from tui_vae.run_status import WriterStatus
from tui_vae.run_store import LogWriter, RunDirectory
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.pictures import picture_of
from tui_vae.run_store.requests import Message, Requests
from tui_vae.run_store.store import RunStore
from tui_vae.training import Broadcast, Engine, TrainingContext
from tui_vae.training.protocols import Emit
from tui_vae.training.saved_state import SavedState
from tui_vae.view.event_queue import EventQueue
from tui_vae.view.image_cells import Pixels
from tui_vae.view.run_source import StoredModel
from tui_vae.view.state import RunState, reduce_all

SECONDS_FOR_CHECKPOINTS = 10.0
"""An evaluation waits at most so long for the weights of this moment, and then takes those that are stored."""

SECONDS_FOR_LOG = 5.0
"""A checkpoint waits at most so long for the events before it to be logged: better a checkpoint than none."""

SECONDS_OF_DELETION = 1.0
"""In which a folder that is being deleted is gone, as a rule: its files go first."""


class CheckpointWaiter:
    """An event sink that waits for the checkpoints requested of running models."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: set[str] = set()
        self._expected: set[str] = set()

    def __call__(self, event: Event) -> None:
        with self._changed:
            if isinstance(event, State):
                # A model that pauses or ends has saved before.
                (self._running.add if event.state == "running" else self._running.discard)(event.model)
                self._expected &= self._running
            elif isinstance(event, Checkpoint) and event.kind == "latest":
                self._expected.discard(event.model)
            self._changed.notify_all()

    def expect(self) -> None:
        """Expect a checkpoint of every running model; call before requesting them."""
        with self._changed:
            self._expected = set(self._running)

    def wait(self, timeout: float) -> bool:
        """Wait for the expected checkpoints; False if any is missing after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._expected, timeout)


class Session:
    """A run that trains in this process: a :class:`tui_vae.view.run_source.RunSource`.

    Args:
        lease: The right to write into its directory; released by :meth:`close`.
        make_context: Makes what trainers need from where they emit events and save.
        saved: The states from which models resume.
        history: The events already in the log.
        opening: The first events of this session, on the disk once this is constructed.

    Raises:
        RunStoreError: The log cannot be written; it is as it was.
    """

    def __init__(
        self,
        lease: Lease,
        make_context: Callable[[Emit, RunStore], TrainingContext],
        *,
        saved: Mapping[str, SavedState],
        history: Sequence[Event],
        opening: Sequence[Event],
    ) -> None:
        self._lease = lease
        self._began_in = self._kept_in = lease.run.path
        self._history = list(history)
        self._mailbox = EventQueue()
        self._lease_held = threading.Event()
        self._lease_held.set()
        self._deleted = threading.Event()
        self._stopping_once = threading.Lock()
        self._emit = Broadcast()
        self._emit.add(self._mailbox)
        self._store = RunStore(self._current_directory, self._tell_of_failure, guard=self._may_save)
        self._evaluator = Evaluator(lambda: lease.run, self._emit, own=False, trust=True)
        self._checkpoints = CheckpointWaiter()
        self._emit.add(self._checkpoints)
        shared = make_context(self._emit, self._store)
        self._device = shared.config.device
        conclude = (lambda results: None) if shared.config.no_evaluate else self._evaluate_at_end
        self._engine = Engine(shared, saved, conclude)
        self._detached = threading.Event()
        self._stopping: str | None = None
        self._evaluation_failure: TuiVaeError | None = None
        self._closing = threading.Lock()
        self._closed: int | None = None
        self._log = LogWriter(lease.run.log, notify=self._tell_of_failure, opening=opening)
        for event in opening:
            self._emit(event)
        self._emit.add(self._write_log)

    def start(self) -> None:
        """Train."""
        requests = Requests(self._lease.token)
        self._lease.keep(self._lost, lambda: self._poll_requests(requests))
        self._engine.start()

    def catch_up(self) -> RunState:
        """Reduce the events already in the log; from now on, :meth:`poll` returns only new ones."""
        history, self._history = self._history, []
        return reduce_all(RunState(), history)

    # The interface of RunSource.

    own = True
    cannot_control = None
    restarted = False

    def poll(self) -> Sequence[Event]:
        history, self._history = self._history, []
        return [*history, *self._mailbox.take()]

    def writer_status(self) -> WriterStatus:
        moved = str(self._kept_in) if self._kept_in != self._began_in else None
        return WriterStatus("live", moved=moved, deleted=self._deleted.is_set())

    def picture(self, file: str) -> Pixels | None:
        try:
            return picture_of(self._lease.run, file)
        except RunStoreError:
            return None

    def stored_model(self, name: str) -> StoredModel | str:
        with gc_paused():
            from tui_vae.app.model_loader import explorer_model  # noqa: PLC0415 - torch, which is for those who explore

        return explorer_model(self._lease.run, name, trust=True)  # it trains here

    @property
    def run(self) -> RunDirectory:
        """Where it is kept, also after it was moved."""
        return self._lease.run

    def directory(self) -> str:
        return str(self.run.path)

    def trainer(self) -> tuple[str, int | None]:
        return this_process()

    def pause(self, model: str) -> None:
        self._engine.pause(model)

    def resume(self, model: str) -> None:
        self._engine.resume(model)

    def checkpoint(self, model: str) -> None:
        self._engine.checkpoint(model)

    def change(self, model: str, change: Change) -> str | None:
        return self._engine.change(model, change, "the user")

    def evaluate(self) -> str | None:
        training = not self._engine.trained
        # One thread during training; all of them afterwards.
        return self._evaluator.start(
            self._engine.models,
            threads=1 if training else None,
            device=self._device,
            before=self._save_newest if training else lambda: None,
        )

    def stop(self, reason: str, model: str | None = None) -> None:
        if model is not None:
            self._engine.stop(reason, model)
            return
        self._stopping = reason
        self._engine.stop(reason)
        self._evaluator.cancel(reason)

    def wait(self, seconds: float) -> bool:
        return self._engine.wait(seconds)

    # Only for the process that trains.

    def detach(self, why: str) -> None:
        """Continue without a front end: save at once, and resume paused models, which nobody could do later."""
        if self._detached.is_set() or self._engine.finished:
            return
        self._detached.set()
        self.warn(f"{why}; training continues without a terminal")
        for model in self._engine.models:
            self._engine.checkpoint(model)
            self._engine.resume(model)

    def warn(self, text: str) -> None:
        """Log a warning."""
        self._emit(Notice(level="warning", text=text))

    def _save_newest(self) -> None:
        """Let the checkpoints be those of this moment, as far as models run."""
        self._checkpoints.expect()
        for model in self._engine.models:
            self._engine.checkpoint(model)
        self._checkpoints.wait(SECONDS_FOR_CHECKPOINTS)

    def _evaluate_at_end(self, results: Sequence[ModelResult]) -> None:
        finished = [result.model for result in results if result.state == "finished"]
        stopped = any(result.state == "stopped" for result in results)
        if not finished or stopped or not self._lease_held.is_set():
            return
        self._evaluator.cancel("training has ended")  # one of older weights
        self._evaluator.wait()
        self._evaluator.start(finished, threads=None, device=self._device)
        if self._stopping is not None:  # by a request that came after the last model had ended
            self._evaluator.cancel(self._stopping)
        self._evaluator.wait()
        self._evaluation_failure = self._evaluator.failure

    def wait_detached(self) -> None:
        """Wait for the end without a front end, and drop the events: they are in the log."""
        while not self._engine.wait(10.0):
            self._mailbox.take()

    def close(self) -> int:
        """Wait for the end, write what is pending, release the run, and return the exit code of the process.

        Any number of times, from any thread.

        Raises:
            RunStoreError: Events could not be written, or another process has taken the run.
            TuiVaeError: Training finished, and the evaluation at the end failed.
        """
        with self._closing:
            if self._closed is None:
                self._engine.wait()
                self._evaluator.cancel("the program was left")
                self._evaluator.wait()
                unsaved = self._store.close()
                lost = self._log.close()
                self._lease.release()
                self._closed = self._exit_code(unsaved, lost)
            return self._closed

    def _exit_code(self, unsaved: Sequence[str], lost: int) -> int:
        code = self._engine.exit_code
        run = self._lease.run
        if self._deleted.is_set():
            raise RunStoreError(f"training {self._engine.status}: {run.path} was deleted, and nothing of it is left")
        if not self._lease_held.is_set():
            raise RunStoreError(f"{run.name} was taken by another process; what was trained since is not kept")
        missing = [f"the last checkpoint of {model}" for model in unsaved] + ([f"{lost:,} events"] if lost else [])
        if missing and code in (ExitCode.OK, ExitCode.STOPPED):
            raise RunStoreError(
                f"training {self._engine.status}, but {' and '.join(missing)} could not be written to {run.path}; "
                f"is the disk full? With room there, tui-vae --resume {run.path} trains again what is not stored"
            )
        failure = self._evaluation_failure
        if failure is not None and code == ExitCode.OK:
            again = f"tui-vae evaluate {run.path} does it again"
            raise type(failure)(f"training finished, but the evaluation failed: {failure}; {again}")
        return code

    def _poll_requests(self, requests: Requests) -> None:
        """Find the run's folder, wherever it was moved, and what others ask for there."""
        run = self._current_directory()
        if run is None:
            return
        if run.path != self._kept_in:
            text = f"the run's folder was moved from {self._kept_in} to {run.path}; training continues there"
            self._kept_in = run.path
            self.warn(text)
        requests.poll(run, self._handle, self._emit)

    def _current_directory(self) -> RunDirectory | None:
        """The run's directory as it is called now; ``None`` if it is not to be written any more."""
        if not self._lease_held.is_set() or self._deleted.is_set():
            return None
        run = self._lease.find()
        if run is None:
            self._stop_for_deletion()
        return run

    def _stop_for_deletion(self) -> None:
        with self._stopping_once:
            if self._deleted.is_set():
                return
            self._deleted.set()
        text = f"{self._lease.run.path} was deleted: nothing of the run can be kept any more; training stops"
        self._emit(Notice(level="error", text=text))
        self.stop("its folder was deleted")

    def _tell_of_failure(self, event: Event) -> None:
        """Emit a failure to write, unless the folder is being deleted, which is reported once."""
        end = time.monotonic() + SECONDS_OF_DELETION
        while self._current_directory() is not None:
            if time.monotonic() >= end:
                self._emit(event)
                return
            time.sleep(0.02)

    def _write_log(self, event: Event) -> None:
        if self._lease_held.is_set() and not self._deleted.is_set():
            self._log(event)

    def _may_save(self) -> bool:
        """Whether this process still is the writer; waits until the events before are logged."""
        if self._current_directory() is None or not self._lease.ours():
            return False
        self._log.sync(SECONDS_FOR_LOG)
        return True

    def _lost(self, holder: str) -> None:
        self._lease_held.clear()
        self._emit(Notice(level="error", text=f"{holder} now writes this run; training stops here"))
        self._engine.stop(f"taken by {holder}")

    def _handle(self, request: Message) -> str | None:
        """Do what another process asks for; returns why not."""
        models = self._engine.models
        if request.model is not None and request.model not in models:
            return f"no model named {request.model}"
        if self._engine.finished:
            return "training has ended"
        named = models if request.model is None else (request.model,)
        match request.action:
            case "stop":
                self.stop("on request", request.model)
            case "evaluate":
                return self.evaluate()
            case "add_epochs" | "set_learning_rate" as kind:
                return self._change_on_request(named, kind, request)
            case "pause" | "resume" | "checkpoint" as action:
                for name in named:
                    {"pause": self.pause, "resume": self.resume, "checkpoint": self.checkpoint}[action](name)
        return None

    def _change_on_request(self, models: Sequence[str], kind: ChangeKind, request: Message) -> str | None:
        """Change every model that still trains; returns why none of them was."""
        if request.value is None:
            return f"{kind} without a value"
        try:
            change = Change(kind, request.value)
        except UsageError as error:
            return str(error)
        refused = [self._engine.change(name, change, request.by) for name in models]
        return None if None in refused else refused[0]
