"""Has charts drawn by a process of their own, and stands in for that process whatever happens to it.

Killed, aborted, stopped, out of memory, silent, or talking nonsense: it is ended, and another one draws instead.
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
"""On a machine that is busy; it takes a third of a second on one that is not."""

SECONDS_TO_DRAW = 2.0
"""After which a process that says nothing is taken for hung, or stopped."""

_SECONDS_TO_END = 1.0

ATTEMPTS = 2
"""Processes that may die of one chart."""

DEATHS = 3
SECONDS_OF_DEATHS = 60.0
"""So many deaths within so many seconds are taken for the rule, and nothing is drawn for as long."""

_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
"""For libraries that would begin threads, each with its memory, for products that no chart needs."""


class CannotDrawError(Exception):
    """There is no picture, and the text says why."""


class ProcessLostError(Exception):
    """The process is of no use any more.

    Args:
        reason: Why, in a few words.
        drew: Whether it had begun to draw a chart, which may be the cause.
    """

    def __init__(self, reason: str, *, drew: bool = False) -> None:
        super().__init__(reason)
        self.drew = drew


class DrawingProcess:
    """Begins with its construction, in a session of its own: nothing of the terminal reaches it.

    The construction and every method raise :class:`ProcessLostError` when it cannot be started, has ended, is silent
    for too long, or talks nonsense.

    Args:
        command: To which the number of a descriptor is added, see :mod:`tui_vae.charts.process`.
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
        """Wait until it has loaded what it needs.

        Raises:
            CannotDrawError: It cannot, and no other one could.
        """
        answer = self._answer(SECONDS_TO_START)
        if answer is not None:
            raise CannotDrawError(answer)

    def check(self) -> None:
        """See whether it has ended while nobody had it draw."""
        if self._process.poll() is not None:
            raise self._ended()

    def draw(self, chart: CurveChart) -> Drawn:
        """Have a chart drawn, in as many rows as it asks for.

        Raises:
            CannotDrawError: This chart has no picture.
        """
        try:
            send(self._socket, pickle.dumps(chart, pickle.HIGHEST_PROTOCOL), SECONDS_TO_DRAW)
        except OSError as error:
            raise self._lost(error, SECONDS_TO_DRAW) from error
        if self._answer(SECONDS_TO_DRAW) is not None:
            raise ProcessLostError("it talks nonsense")
        try:
            answer = self._answer(SECONDS_TO_DRAW)
        except ProcessLostError as lost:
            lost.drew = True
            raise
        if isinstance(answer, str):
            raise CannotDrawError(answer)
        if answer is None or len(answer.rows) != chart.rows:
            raise ProcessLostError("it talks nonsense", drew=True)
        return answer

    def _answer(self, seconds: float) -> Drawn | str | None:
        try:
            return decode(receive(self._socket, seconds))
        except GarbageError as error:
            raise ProcessLostError("it talks nonsense") from error
        except (EOFError, OSError) as error:
            raise self._lost(error, seconds) from error

    def _lost(self, error: Exception, seconds: float) -> ProcessLostError:
        if isinstance(error, TimeoutError):
            return ProcessLostError(f"it said nothing for {seconds:g} s")
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            return ProcessLostError("it went silent")
        return self._ended()

    def _ended(self) -> ProcessLostError:
        code = self._process.returncode
        if code < 0:
            return ProcessLostError(signal.strsignal(-code) or f"signal {-code}")
        return ProcessLostError("out of memory" if code == OUT_OF_MEMORY else f"exit code {code}")

    def kill(self) -> None:
        """Let it end, from any thread; whoever waits for it is told that it is lost."""
        self._process.kill()

    def end(self) -> None:
        """End it, and leave nothing of it behind."""
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
    """Why a chart was not drawn, in a line."""

    chart: CurveChart
    reason: str


Done = Callable[[DrawnChart | Failure], object]


class Drawer:
    """Draws charts in a process of its own. Every method may be called from any thread.

    A chart that is asked for again before its drawing has begun is drawn only as it is then. One whose drawing ends two
    processes is given up, and the others go on. Once several processes have died within a minute, nothing is drawn
    during the next; the first chart that is asked for after it, by a key or with new data, begins another process.

    Args:
        tell: Told, in a line, that nothing is drawn for a while, and why; in a thread of this object.
        command: What to run in place of the process that draws.

    Attributes:
        spent: Seconds of a core that all drawings have taken.
    """

    def __init__(self, tell: Callable[[str], object] = lambda why: None, command: Sequence[str] = DRAWS) -> None:
        self.spent = 0.0
        self._tell = tell
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
        """Begin the process, so that it is there when the first chart is asked for."""
        with self._changed:
            if self._thread is None and not self._closed:
                # The system ends the process with the thread that began it: it needs one that is always there.
                self._thread = threading.Thread(target=self._work, name="drawer", daemon=True)
                self._thread.start()

    def ask(self, key: Hashable, chart: CurveChart, done: Done) -> None:
        """Have a chart drawn.

        Args:
            key: Of what shows it: of charts with one key that wait, only the newest is drawn.
            chart: Not to be changed any more.
            done: Receives what became of it, in a thread of this object; not called for a chart that was overtaken, nor
                once this object is closed.
        """
        with self._changed:
            self._waiting[key] = chart, done
            self._changed.notify()
        self.prepare()

    def close(self) -> None:
        """End the process; what was asked for is not drawn any more."""
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
        """The chart that waits longest; ``None`` once this object is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            key = next(iter(self._waiting))
            return key, *self._waiting.pop(key)

    def _draw(self, key: Hashable, chart: CurveChart) -> DrawnChart | Failure | None:
        """What became of a chart; ``None`` when it was overtaken."""
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
        """A process that is there to draw; ``None`` while there is to be none."""
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
        """End what is left of the process, and count its death."""
        self._end()
        now = time.monotonic()
        self._deaths.append(now)
        if len(self._deaths) == DEATHS and now - self._deaths[0] < SECONDS_OF_DEATHS and not self._closed:
            self._deaths.clear()
            self._rest(SECONDS_OF_DEATHS, f"no curves for a minute: what draws them ended {DEATHS} times ({lost})")

    def _rest(self, seconds: float, why: str) -> None:
        """Draw nothing for a while, and say why."""
        self._end()
        self._resting_until, self._why_resting = time.monotonic() + seconds, why
        self._tell(why)

    def _end(self) -> None:
        with self._changed:
            process, self._process = self._process, None
        if process is not None:
            process.end()
