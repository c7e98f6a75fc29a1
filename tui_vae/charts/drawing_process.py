"""One process that draws, from the side of whoever has it draw."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
from collections.abc import Sequence

from tui_vae.charts.description import CurveChart
from tui_vae.charts.protocol import OUT_OF_MEMORY, Drawn, GarbageError, decode, receive, send
from tui_vae.child_process import python_module, withheld_from_children

DRAWS = python_module("tui_vae.charts.process")

SECONDS_TO_START = 10.0
"""On a machine that is busy; it takes a third of a second on one that is not."""

SECONDS_TO_DRAW = 2.0
"""After which a process that says nothing is taken for hung, or stopped."""

_SECONDS_TO_END = 1.0

_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
"""For libraries that would begin threads, each with its memory, for products that no chart needs."""


class CannotDrawError(Exception):
    """There is no picture, and the text says why."""


class ProcessLostError(Exception):
    """The process is of no use any more, and the text says why."""


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
        answer = self._answer(SECONDS_TO_DRAW)
        if isinstance(answer, str):
            raise CannotDrawError(answer)
        if answer is None or len(answer.rows) != chart.rows:
            raise ProcessLostError("it talks nonsense")
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
