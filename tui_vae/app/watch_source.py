"""A run that another process trains, or trained, as a source for any front end: nothing but its files is read."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Sequence

from msgspec import structs

from tui_vae.app.evaluation_process import Evaluator
from tui_vae.app.interpreter import gc_paused
from tui_vae.config import Change
from tui_vae.errors import RunStoreError
from tui_vae.events import Action, Epoch, Event, ModelStarted, Notice, Progress, RunFinished, RunStarted, State
from tui_vae.run_status import WriterStatus
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.handle import RunHandle
from tui_vae.run_store.heartbeat import Observer, writer_pid
from tui_vae.run_store.pictures import picture_of
from tui_vae.run_store.requests import send_request
from tui_vae.run_store.tail import LogTail
from tui_vae.view.image_cells import Pixels
from tui_vae.view.run_source import StoredModel
from tui_vae.view.sanitize import printable, printable_event

SECONDS_BETWEEN_LOOKS = 0.25
MOST_WAITING = 20_000
"""Events read ahead of a front end. Beyond, reading waits: the log itself keeps what a slow terminal has not shown."""

SECONDS_TO_APPEAR = 1.5
"""A writer makes its directory a moment before its lease, and may be replaced by one that resumes the run."""

SECONDS_TO_RESUME = 3.0
"""A run that ended while its process lives on may be continued by it, but not after so long a silence."""


class WatchSource:
    """Follows the log of a run: a :class:`tui_vae.view.run_source.RunSource`.

    Args:
        run: The run.
        control: Whether this watcher may pause, resume, save and stop it.
        as_logged: Give every event exactly as it stands in the log, where else progress is merged and texts are
            made safe to show.
        trust: Whether the sources of networks that the run keeps may be executed.

    Attributes:
        trouble: Why the log cannot be read; ``None`` while it can.

    Raises:
        RunStoreError: The run's directory cannot be read.
    """

    own = False

    def __init__(
        self, run: RunDirectory, *, control: bool = False, as_logged: bool = False, trust: bool = False
    ) -> None:
        self._run = run
        self._began_in = run.path
        self._handle = RunHandle(run)
        self._as_logged = as_logged
        self._trust = trust
        how = f"watching only; to control the run: tui-vae watch --control {printable(run.name)}"
        self.cannot_control = None if control else how
        self.restarted = False
        self.trouble: str | None = None
        self._reported_trouble: str | None = None
        self._tail = LogTail(run.log, merge=not as_logged)
        self._observer = Observer(run)
        self._evaluator = Evaluator(lambda: self._run, self._say, own=True, trust=trust)
        self._changed = threading.Condition()
        self._waiting: deque[Event] = deque()
        self._anew = False
        self._closed = False
        self._sighting = WriterStatus("live")
        self._finished = self._over = False
        self._last_seen = self._last_new = time.monotonic()

    def start(self) -> None:
        """Begin to read, in a thread of its own."""
        threading.Thread(target=self._follow, name="watcher", daemon=True).start()

    def close(self) -> None:
        """Read no more."""
        self._evaluator.cancel("the program was left")
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # The interface of RunSource.

    def poll(self) -> Sequence[Event]:
        with self._changed:
            events = list(self._waiting)
            self._waiting.clear()
            self.restarted, self._anew = self._anew, False
            self._changed.notify_all()
        return events

    def writer_status(self) -> WriterStatus:
        return self._sighting

    def picture(self, file: str) -> Pixels | None:
        try:
            return picture_of(self._run, file)
        except RunStoreError:
            return None

    def stored_model(self, name: str) -> StoredModel | str:
        with gc_paused():
            from tui_vae.app.model_loader import explorer_model  # noqa: PLC0415 - torch, which is for those who explore

        return explorer_model(self._run, name, trust=self._trust)

    def directory(self) -> str:
        return printable(str(self._run.path))

    def wait(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._over, seconds)

    def pause(self, model: str) -> None:
        self._ask("pause", model)

    def resume(self, model: str) -> None:
        self._ask("resume", model)

    def checkpoint(self, model: str) -> None:
        self._ask("checkpoint", model)

    def change(self, model: str, change: Change) -> str | None:
        self._ask(change.kind, model, change.value)
        return self.cannot_control

    def stop(self, reason: str, model: str | None = None) -> None:
        self._ask("stop", model)

    def evaluate(self) -> str | None:
        """Ask the training process to evaluate; without one, evaluate in a child of this process."""
        if self._evaluator.busy or self._sighting.liveness == "gone":
            return self._evaluator.start((), threads=None)
        if self.cannot_control is None:
            self._ask("evaluate", None)
        return self.cannot_control

    def trainer(self) -> tuple[str, int | None]:
        return "the trainer", writer_pid(self._run)

    def _ask(self, action: Action, model: str | None, value: float | None = None) -> None:
        if self.cannot_control is not None:
            return
        try:
            send_request(self._run, action, model, value)
        except RunStoreError as error:
            self._say(Notice(level="warning", text=str(error)))

    def _say(self, event: Event) -> None:
        """Tell what the log does not."""
        with self._changed:
            self._waiting.append(printable_event(event))

    # The thread that reads.

    def _follow(self) -> None:
        while not self._closed:
            # First the writer, then the log: what it wrote before it went is read by then.
            writer_status = self._look()
            if not writer_status.deleted:
                self._read()
            self._judge(writer_status)
            with self._changed:
                self._changed.wait_for(lambda: self._closed, SECONDS_BETWEEN_LOOKS)
        self._handle.close()

    def _look(self) -> WriterStatus:
        """The state of the run's folder, also after a move, and of its writer."""
        run = self._handle.find()
        if run is None:
            return WriterStatus("gone", deleted=True)
        if run.path != self._run.path:
            self._run = self._observer.run = run
            self._tail.move_to(run.log)
        moved = printable(str(run.path)) if run.path != self._began_in else None
        return dataclasses.replace(self._observer.look(), moved=moved)

    def _read(self) -> None:
        """Queue the unread events of the log, as fast as they are taken."""
        try:
            for events in self._tail.portions():
                self._hand_over(events, restarted=self._tail.restarted)
                if self._closed:
                    return
            self.trouble = self._reported_trouble = None
        except RunStoreError as error:
            # Said when it is met twice: of a folder that is being deleted, the log goes before the folder.
            met, self.trouble = self.trouble == str(error), str(error)
            if met and self._reported_trouble != self.trouble:
                self._reported_trouble = self.trouble
                self._hand_over([Notice(level="error", text=self.trouble)], restarted=False)

    def _hand_over(self, events: Sequence[Event], *, restarted: bool) -> None:
        plain = events if self._as_logged else [printable_event(self._named(event)) for event in events]
        with self._changed:
            if restarted:
                self._waiting.clear()
                self._anew = True
            self._changed.wait_for(lambda: self._closed or len(self._waiting) < MOST_WAITING)
            self._waiting.extend(plain)
        for event in events:
            if isinstance(event, RunFinished):
                self._finished = True
            elif isinstance(event, (RunStarted, ModelStarted, Progress, Epoch, State)):
                self._finished = False
        if events:
            self._last_new = time.monotonic()

    def _named(self, event: Event) -> Event:
        """Replace the name in the log of a run that was renamed."""
        return structs.replace(event, name=self._run.name) if isinstance(event, RunStarted) else event

    def _judge(self, writer_status: WriterStatus) -> None:
        """Take the writer for gone only after a while, and the run for over when nothing more is to be expected."""
        now = time.monotonic()
        if writer_status.liveness != "gone":
            self._last_seen = now
        gone = now - self._last_seen > SECONDS_TO_APPEAR
        with self._changed:
            sure = gone or writer_status.deleted or writer_status.liveness != "gone"
            self._sighting = writer_status if sure else dataclasses.replace(writer_status, liveness="live")
            if writer_status.deleted:
                self._over = True
            elif self._finished:
                self._over = writer_status.liveness == "gone" or now - self._last_new > SECONDS_TO_RESUME
            else:
                self._over = gone
            if self._over:
                self._changed.notify_all()
