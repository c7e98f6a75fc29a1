"""Draws charts in a child process, and replaces that process when it fails.

It may be killed, abort, stop, run out of memory, hang or send garbage: it is ended, and a new one draws instead.
"""

from __future__ import annotations

import math
import os
import pickle
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from tui_vae.charts.description import CurveChart, Row
from tui_vae.charts.process import OUT_OF_MEMORY, Drawn, GarbageError, decode, receive, send
from tui_vae.child_process import python_module, withheld_from_children

DRAWS = python_module("tui_vae.charts.process")

SECONDS_TO_START = 10.0
"""Allowed on a busy machine; it takes a third of a second on an idle one."""

SECONDS_TO_DRAW = 2.0
"""Seconds without an answer after which a process counts as hung or stopped."""

_SECONDS_TO_END = 1.0

ATTEMPTS = 2
"""Processes that may die while they draw one chart."""

DEATHS = 3
SECONDS_OF_DEATHS = 60.0
"""After ``DEATHS`` deaths within ``SECONDS_OF_DEATHS``, nothing is drawn for as long."""

_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
"""Keep numerical libraries from starting threads, each with its own memory, that no chart needs."""


class CannotDrawError(Exception):
    """There is no picture; the message says why."""


class ProcessLostError(Exception):
    """The process cannot be used any more.

    Args:
        reason: Why, in a few words.
        drew: Whether it was drawing a chart, which may be the cause.
    """

    def __init__(self, reason: str, *, drew: bool = False) -> None:
        super().__init__(reason)
        self.drew = drew


class DrawingProcess:
    """A process that draws, started by the constructor in a session of its own, out of reach of the terminal.

    Constructor and methods raise :class:`ProcessLostError` if it cannot be started, has ended, does not answer in time,
    or sends garbage.

    Args:
        command: The command; the number of a descriptor is appended, see :mod:`tui_vae.charts.process`.
    """

    def __init__(self, command: Sequence[str] = DRAWS) -> None:
        self._socket, theirs = socket.socketpair()
        try:
            with theirs, withheld_from_children():
                self._process = subprocess.Popen(
                    (*command, str(theirs.fileno())),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                    env=os.environ | _ONE_THREAD,
                )
        except OSError as error:
            self._socket.close()
            raise ProcessLostError(f"it cannot be started, {error.strerror}") from error

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Wait until it has loaded its modules.

        Raises:
            CannotDrawError: They cannot be imported, by any process.
        """
        answer = self._answer(SECONDS_TO_START)
        if answer is not None:
            raise CannotDrawError(answer)

    def check(self) -> None:
        """Raise if it has ended while idle."""
        if self._process.poll() is not None:
            raise self._ended()

    def draw(self, chart: CurveChart) -> Drawn:
        """Draw a chart in as many rows as it asks for.

        Raises:
            CannotDrawError: This chart has no picture.
        """
        try:
            send(self._socket, pickle.dumps(chart, pickle.HIGHEST_PROTOCOL), SECONDS_TO_DRAW)
        except OSError as error:
            raise self._lost(error, SECONDS_TO_DRAW) from error
        if self._answer(SECONDS_TO_DRAW) is not None:
            raise ProcessLostError("it sent invalid data")
        try:
            answer = self._answer(SECONDS_TO_DRAW)
        except ProcessLostError as lost:
            lost.drew = True
            raise
        if isinstance(answer, str):
            raise CannotDrawError(answer)
        if answer is None or len(answer.rows) != chart.rows:
            raise ProcessLostError("it sent invalid data", drew=True)
        return answer

    def _answer(self, seconds: float) -> Drawn | str | None:
        try:
            return decode(receive(self._socket, seconds))
        except GarbageError as error:
            raise ProcessLostError("it sent invalid data") from error
        except (EOFError, OSError) as error:
            raise self._lost(error, seconds) from error

    def _lost(self, error: Exception, seconds: float) -> ProcessLostError:
        if isinstance(error, TimeoutError):
            return ProcessLostError(f"it did not answer for {seconds:g} s")
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            return ProcessLostError("it stopped answering")
        return self._ended()

    def _ended(self) -> ProcessLostError:
        code = self._process.returncode
        if code < 0:
            return ProcessLostError(signal.strsignal(-code) or f"signal {-code}")
        return ProcessLostError("out of memory" if code == OUT_OF_MEMORY else f"exit code {code}")

    def kill(self) -> None:
        """Kill it, from any thread; a thread that waits for it gets :class:`ProcessLostError`."""
        self._process.kill()

    def end(self) -> None:
        """Kill it and release all its resources."""
        self._process.kill()
        self._process.wait()
        self._socket.close()


@dataclass(frozen=True)
class DrawnChart:
    """A chart as it was drawn."""

    chart: CurveChart
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Failure:
    """Why a chart was not drawn, in one line."""

    chart: CurveChart
    reason: str


Done = Callable[[DrawnChart | Failure], object]


class Drawer:
    """Draws charts in a child process. Every method may be called from any thread.

    A newer request with the same key replaces one that is not being drawn yet. A chart that kills two processes is
    given up; others go on. After several deaths within a minute, nothing is drawn for the next minute; the first
    request after that starts a new process.

    Args:
        warn: Called with one line when nothing will be drawn for a while, in a thread of this object.
        command: The command of the process that draws.

    Attributes:
        spent: Core seconds of all drawings.
    """

    def __init__(self, warn: Callable[[str], object] = lambda why: None, command: Sequence[str] = DRAWS) -> None:
        self.spent = 0.0
        self._warn = warn
        self._command = command
        self._changed = threading.Condition()
        self._waiting: dict[Hashable, tuple[CurveChart, Done]] = {}
        self._thread: threading.Thread | None = None
        self._process: DrawingProcess | None = None
        self._closed = False
        self._deaths = deque[float](maxlen=DEATHS)
        self._resting_until = 0.0
        self._why_resting = ""

    def prepare(self) -> None:
        """Start the process, so that it is ready when the first chart is requested."""
        with self._changed:
            if self._thread is None and not self._closed:
                # The system kills the process when the thread that started it ends: that thread must live as long.
                self._thread = threading.Thread(target=self._work, name="drawer", daemon=True)
                self._thread.start()

    def ask(self, key: Hashable, chart: CurveChart, done: Done) -> None:
        """Request a drawing.

        Args:
            key: Identifies what shows the chart: of waiting charts with one key, only the newest is drawn.
            chart: Must not change any more.
            done: Receives the outcome in a thread of this object; not called for a chart that was replaced, nor after
                :meth:`close`.
        """
        with self._changed:
            self._waiting[key] = chart, done
            self._changed.notify()
        self.prepare()

    def close(self) -> None:
        """End the process; pending requests are dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            if self._process is not None:
                self._process.kill()
        if self._thread is not None:
            self._thread.join(_SECONDS_TO_END)

    def _work(self) -> None:
        self._ready()
        while (request := self._next()) is not None:
            key, chart, done = request
            outcome = self._draw(key, chart)
            if outcome is not None and not self._closed:
                done(outcome)
        self._end()

    def _next(self) -> tuple[Hashable, CurveChart, Done] | None:
        """Return the chart that waits longest; ``None`` once this object is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            key = next(iter(self._waiting))
            return key, *self._waiting.pop(key)

    def _draw(self, key: Hashable, chart: CurveChart) -> DrawnChart | Failure | None:
        """Draw a chart; return ``None`` if a newer request replaced it."""
        attempts, why = 0, ""
        while attempts < ATTEMPTS and (process := self._ready()) is not None:
            try:
                drawn = process.draw(chart)
                self.spent += drawn.seconds
                return DrawnChart(chart, drawn.rows)
            except CannotDrawError as error:
                return Failure(chart, str(error))
            except ProcessLostError as lost:
                attempts += lost.drew
                why = f"this chart ends the process that draws it ({lost})"
                self._bury(lost)
            with self._changed:
                if self._closed or key in self._waiting:
                    return None
        return Failure(chart, self._why_resting if self._resting else why)

    @property
    def _resting(self) -> bool:
        return time.monotonic() < self._resting_until

    def _ready(self) -> DrawingProcess | None:
        """Return a process that is ready; ``None`` while there is to be none."""
        while not (self._resting or self._closed):
            try:
                if self._process is None:
                    self._begin()
                if self._process is not None:
                    self._process.check()
                return self._process
            except ProcessLostError as lost:  # no chart is to blame
                self._bury(lost)
            except CannotDrawError as error:
                self._rest(math.inf, str(error))
        return None

    def _begin(self) -> None:
        process = DrawingProcess(self._command)
        with self._changed:
            self._process = process
            if self._closed:
                process.kill()
        process.wait_until_ready()

    def _bury(self, lost: ProcessLostError) -> None:
        """Clean up after the process, and count its death."""
        self._end()
        now = time.monotonic()
        self._deaths.append(now)
        if len(self._deaths) == DEATHS and now - self._deaths[0] < SECONDS_OF_DEATHS and not self._closed:
            self._deaths.clear()
            self._rest(SECONDS_OF_DEATHS, f"no curves for a minute: what draws them ended {DEATHS} times ({lost})")

    def _rest(self, seconds: float, why: str) -> None:
        """Draw nothing for a while, and warn."""
        self._end()
        self._resting_until, self._why_resting = time.monotonic() + seconds, why
        self._warn(why)

    def _end(self) -> None:
        with self._changed:
            process, self._process = self._process, None
        if process is not None:
            process.end()
