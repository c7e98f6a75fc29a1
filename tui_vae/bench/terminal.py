"""A pseudo-terminal that reads whatever a command draws, as a terminal at the other end would."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from codecs import getincrementaldecoder
from collections.abc import Sequence
from pathlib import Path

from tui_vae.errors import TrainingError

COLUMNS, ROWS = 140, 45
"""Of a large terminal, in which there is most to draw."""

_SECONDS_BETWEEN_LOOKS = 0.02

_ANSWERS = {b"\x1b[c": b"\x1b[?1;2c", b"\x1b[5n": b"\x1b[0n"}
"""To questions for its attributes and its status, as every terminal gives at once: the interface waits for them."""

_TOKEN = re.compile(
    r"\x1b\[(?P<numbers>[\d;]*)(?P<command>[@-~])|\x1b\[[^@-~]*[@-~]|\x1b[_P\]][^\x1b\x07]*(?:\x1b\\|\x07)"
    r"|\x1b[^\[_P\]]|(?P<move>[\r\n])|(?P<text>[^\x1b\r\n]+)"
)
"""Of what is written to a terminal; a sequence that is not whole yet is none."""


class Screen:
    """What stands on a terminal, as far as the interface writes it: characters of one cell, without their looks."""

    def __init__(self, columns: int, rows: int) -> None:
        self._rows = [[" "] * columns for _ in range(rows)]
        self._row = self._column = 0
        self._held = ""
        self._decode = getincrementaldecoder("utf-8")("replace").decode

    @property
    def text(self) -> str:
        return "\n".join("".join(row) for row in self._rows)

    def feed(self, data: bytes) -> None:
        """Take what is written next."""
        written, at = self._held + self._decode(data), 0
        while token := _TOKEN.match(written, at):
            at = token.end()
            if token["text"] is not None:
                self._write(token["text"])
            elif token["move"] is not None:
                self._column, self._row = 0, min(self._row + (token["move"] == "\n"), len(self._rows) - 1)
            elif token["command"] is not None:
                numbers = [int(number or 1) for number in token["numbers"].split(";")]
                self._obey(token["command"], numbers[0], numbers[-1])
        self._held = written[at:]

    def _write(self, text: str) -> None:
        row = self._rows[self._row]
        end = min(len(row), self._column + len(text))
        row[self._column : end] = text[: end - self._column]
        self._column = end

    def _obey(self, command: str, first: int, last: int) -> None:
        if command == "H":
            self._row, self._column = min(first, len(self._rows)) - 1, last - 1
        elif command == "C":
            self._column += first
        elif command == "X":
            here = self._column
            self._write(" " * first)
            self._column = here


class PseudoTerminal:
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
        self._screen = Screen(columns, rows)
        self._asked = b""

    def wait_for(self, text: str, timeout: float) -> float:
        """Seconds from the start of the command until ``text`` was on the screen.

        Raises:
            TimeoutError: It did not come in time, or the command ended before.
        """
        goes_on = True
        while not self.shows(text):  # also in what was drawn last before the end
            if not goes_on or self.seconds() > timeout:
                raise TimeoutError(f"{text!r} was not drawn within {timeout:g} s; the screen:\n{self._screen.text}")
            goes_on = self.drain(0.002)
        return self.seconds()

    def shows(self, text: str) -> bool:
        return text in self._screen.text

    def press(self, keys: bytes) -> None:
        """Type something."""
        os.write(self._master, keys)

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
                self._answer(data)
                self._screen.feed(data)
        return True

    def _answer(self, data: bytes) -> None:
        asked = self._asked + data
        for question, answer in _ANSWERS.items():
            os.write(self._master, answer * (asked.count(question) - self._asked.count(question)))
        self._asked = asked[-3:]  # a question may be cut in two

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
