"""Runs evaluations in a child process, and forwards the events of that process."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tui_vae.app.output_capture import nameless_file
from tui_vae.child_process import python_module, withheld_from_children
from tui_vae.codec import to_builtins
from tui_vae.config import AUTO, EvaluationConfig
from tui_vae.errors import DataError, EvaluationError, EventError, RunStoreError, TuiVaeError
from tui_vae.events import EvaluationFinished, Event, RunStatus, decode
from tui_vae.run_store import RunDirectory

_COMMAND = python_module("tui_vae.app.evaluation_worker")

_SECONDS_TO_END = 5.0
STARTING = "an evaluation is already running"


@dataclass(frozen=True)
class Job:
    """What to evaluate.

    Attributes:
        run: Path of the run.
        models: Names of the models, ; models without a checkpoint are skipped.
        config: An ``EvaluationConfig`` as JSON.
        threads: Intra-op threads; ``None`` leaves the choice to torch.
        own: Whether this process is to become the run's writer and log the events itself; else the parent does.
        trust: Whether it may execute the source of networks that the run keeps.
    """

    run: str
    models: tuple[str, ...]
    config: dict[str, Any]
    threads: int | None
    own: bool
    trust: bool = False

    def to_line(self) -> str:
        return json.dumps(to_builtins(self)) + "\n"


class Evaluator:
    """One evaluation at a time. Every method may be called from any thread.

    Args:
        run: Asked for the run's directory, as it is called when an evaluation begins.
        emit: Receives the events of the evaluation; the last is an ``EvaluationFinished``, whatever happens.
        own: Whether the evaluation process writes them into the run's log itself; ``emit`` then receives only the
            end of an evaluation that it could not write.
        trust: Whether the source of networks that the run keeps may be executed.
    """

    def __init__(
        self, run: Callable[[], RunDirectory], emit: Callable[[Event], None], *, own: bool, trust: bool = False
    ) -> None:
        self._run = run
        self._emit = emit
        self._own = own
        self._trust = trust
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None
        self._cancelled: str | None = None
        self._code = 0
        self._end: EvaluationFinished | None = None

    @property
    def failure(self) -> TuiVaeError | None:
        """Why the last evaluation failed, with the exit code for it; ``None`` where it did not."""
        if self._end is None or self._end.status != "failed":
            return None
        kinds = {kind.exit_code: kind for kind in (DataError, RunStoreError)}
        return kinds.get(self._code, EvaluationError)(self._end.reason or "for an unknown reason")

    @property
    def busy(self) -> bool:
        thread = self._thread
        return thread is not None and thread.is_alive()

    def start(
        self,
        models: Sequence[str],
        *,
        threads: int | None,
        device: str = AUTO,
        before: Callable[[], None] = lambda: None,
    ) -> str | None:
        """Begin; returns why not.

        Args:
            models: Names of the models.
            threads: Intra-op threads of the evaluating process.
            device: On which it computes.
            before: Called first, in the evaluation's own thread; may wait.
        """
        with self._lock:
            if self.busy:
                return STARTING
            self._cancelled, self._code, self._end = None, 0, None
            config = EvaluationConfig(device=device).to_json()
            job = Job(str(self._run().path), tuple(models), config, threads, self._own, self._trust)
            self._thread = threading.Thread(target=self._evaluate, args=(job, before), name="evaluator", daemon=True)
            self._thread.start()
        return None

    def cancel(self, reason: str) -> None:
        """End an evaluation that is under way."""
        with self._lock:
            self._cancelled = self._cancelled or reason
            process = self._process
        if process is not None:
            process.kill()

    def wait(self) -> None:
        """Wait for the end of an evaluation that is under way."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _evaluate(self, job: Job, before: Callable[[], None]) -> None:
        began = time.monotonic()
        before()
        try:
            reason = self._run_process(job)
        except OSError as error:
            reason = f"its process cannot be started ({error.strerror})"
        if reason is None:
            return
        status: RunStatus = "stopped" if self._cancelled else "failed"
        seconds = time.monotonic() - began
        self._send(EvaluationFinished(status=status, reason=self._cancelled or reason, verdict=None, seconds=seconds))

    def _send(self, event: Event) -> None:
        if isinstance(event, EvaluationFinished):
            self._end = event
        self._emit(event)

    def _run_process(self, job: Job) -> str | None:
        """Forward the events of the process until it ends; returns why there was no final event, or ``None``.

        Raises:
            OSError: The process cannot be started.
        """
        with nameless_file() as errors:
            with self._lock:
                if self._cancelled:
                    return self._cancelled
                # In a session of its own: the terminal's keys and its loss are not for it. Nor is a signal to stop.
                with withheld_from_children():
                    self._process = process = subprocess.Popen(
                        _COMMAND,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=errors.fileno(),
                        encoding="utf-8",
                        errors="replace",
                        start_new_session=True,
                    )
            finished = self._forward(process, job)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_SECONDS_TO_END)
            process.kill()
            self._code = code = process.wait()
            with self._lock:
                self._process = None
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
        if finished or (job.own and code == 0):
            return None
        if code < 0:
            return f"its process died ({signal.strsignal(-code)})"
        return lines[-1][:300] if lines else "its process ended without a message"

    def _forward(self, process: subprocess.Popen[str], job: Job) -> bool:
        """Send the job and forward the events; returns whether a final event came."""
        finished = False
        assert process.stdin is not None
        assert process.stdout is not None
        # Writing to a process that has died fails, and so does closing its input with data left in the buffer.
        with contextlib.suppress(OSError), process.stdin, process.stdout:
            with contextlib.suppress(OSError):
                process.stdin.write(job.to_line())
                process.stdin.flush()
            for line in process.stdout:
                with contextlib.suppress(EventError):  # what a library prints is no event
                    event = decode(line)
                    self._send(event)
                    finished = finished or isinstance(event, EvaluationFinished)
        return finished
