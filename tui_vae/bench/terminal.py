"""A pseudo-terminal that reads whatever a command draws, as a terminal at the other end would."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path

from tui_vae.errors import TrainingError

COLUMNS, ROWS = 140, 45
"""Of a large terminal, in which there is most to draw."""

_SECONDS_BETWEEN_LOOKS = 0.02

_KEPT = 1 << 20
"""Bytes of output at least; a page full of digits takes more than a hundred thousand."""

_WHO_ARE_YOU, _A_TERMINAL = b"\x1b[c", b"\x1b[?1;2c"
"""Asked for its attributes, every terminal answers at once; the interface waits for that before it starts."""


class Terminal:
    """Runs a command in a pseudo-terminal of a given size and drains it."""

    def __init__(self, command: Sequence[str], *, columns: int, rows: int) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True, close_fds=True
        )
        os.close(slave)
        self._output = bytearray()

    def wait_for(self, text: bytes, timeout: float) -> float:
        """Seconds from the start of the command until ``text`` was drawn.

        Raises:
            TimeoutError: It did not come in time, or the command ended before.
        """
        goes_on = True
        while text not in self._output:  # also in what was drawn last before the end
            if not goes_on or self.seconds() > timeout:
                end = bytes(self._output[-300:])
                raise TimeoutError(f"{text!r} was not drawn within {timeout:g} s; the end of the output: {end!r}")
            goes_on = self.drain(0.002)
        return self.seconds()

    def press(self, keys: bytes) -> None:
        """Type something."""
        os.write(self._master, keys)

    def forget(self) -> None:
        """Leave what has been drawn out of :meth:`wait_for`."""
        self._output.clear()

    def seconds(self) -> float:
        """Since the start of the command."""
        return time.perf_counter() - self._began

    def drain(self, seconds: float) -> bool:
        """Read what is drawn for so long; False when the command has closed the terminal."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            if select.select([self._master], [], [], left)[0]:
                try:
                    data = os.read(self._master, 65536)
                except OSError:
                    return False
                if _WHO_ARE_YOU in data:
                    os.write(self._master, _A_TERMINAL)
                self._output += data
                if len(self._output) > 2 * _KEPT:
                    del self._output[:-_KEPT]
        return True

    def drain_until_logged(self, runs: Path, text: bytes, timeout: float) -> None:
        """Read what is drawn until the log of the only run in a folder holds ``text``.

        Raises:
            TrainingError: It did not come to that in time.
        """
        while self.drain(_SECONDS_BETWEEN_LOOKS) and self.seconds() < timeout:
            log = next(runs.glob("*/events.jsonl"), None)
            if log is not None and text in log.read_bytes():
                return
        raise TrainingError(f"the training to be measured did not come to {text.decode()}")

    def close(self) -> None:
        """End the command, drained meanwhile so that it is not held up."""
        self._process.terminate()
        while self._process.poll() is None and self.drain(0.05):
            pass
        self._process.wait()
        os.close(self._master)
