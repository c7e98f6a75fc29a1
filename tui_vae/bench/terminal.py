"""A pseudo-terminal that answers and displays like the one of a user."""

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
from collections.abc import Callable, Sequence
from typing import Self

COLUMNS, ROWS = 140, 45
"""Size of a large terminal, which costs most to draw."""

_ANSWERS = {b"\x1b[c": b"\x1b[?1;2c", b"\x1b[5n": b"\x1b[0n"}
"""Answers to requests for device attributes and status; the interface waits for them."""

_TOKEN = re.compile(
    r"\x1b\[(?P<numbers>[\d;]*)(?P<command>[@-~])|\x1b\[[^@-~]*[@-~]|\x1b[_P\]][^\x1b\x07]*(?:\x1b\\|\x07)"
    r"|\x1b[^\[_P\]]|(?P<move>[\r\n])|(?P<text>[^\x1b\r\n]+)"
)
"""A control sequence, or text, of a terminal's input; an incomplete sequence does not match."""


class Screen:
    """The characters on a terminal, without colours, for the control sequences that the interface writes."""

    def __init__(self, columns: int, rows: int) -> None:
        self._rows = [[" "] * columns for _ in range(rows)]
        self._row = self._column = 0
        self._incomplete = ""
        self._decode = getincrementaldecoder("utf-8")("replace").decode

    @property
    def text(self) -> str:
        return "\n".join("".join(row) for row in self._rows)

    def feed(self, data: bytes) -> None:
        """Process the next bytes of output."""
        written, at = self._incomplete + self._decode(data), 0
        while token := _TOKEN.match(written, at):
            at = token.end()
            if token["text"] is not None:
                self._write(token["text"])
            elif token["move"] is not None:
                self._column, self._row = 0, min(self._row + (token["move"] == "\n"), len(self._rows) - 1)
            elif token["command"] is not None:
                numbers = [int(number or 1) for number in token["numbers"].split(";")]
                self._execute(token["command"], numbers[0], numbers[-1])
        self._incomplete = written[at:]

    def _write(self, text: str) -> None:
        row = self._rows[self._row]
        end = min(len(row), self._column + len(text))
        row[self._column : end] = text[: end - self._column]
        self._column = end

    def _execute(self, command: str, first: int, last: int) -> None:
        if command == "H":
            self._row, self._column = min(first, len(self._rows)) - 1, last - 1
        elif command == "C":
            self._column += first
        elif command == "X":
            column = self._column
            self._write(" " * first)
            self._column = column


class PseudoTerminal:
    """Runs a command in a large pseudo-terminal; as a context, ends it on leaving.

    Attributes:
        process: The command.
        screen: What it has drawn so far.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.screen = Screen(COLUMNS, ROWS)
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True, close_fds=True
        )
        os.close(slave)
        self._asked = b""

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def wait_for(self, text: str, timeout: float = 120.0) -> None:
        """Read output until ``text`` is on the screen.

        Raises:
            TimeoutError: It did not appear within so many seconds, or the command ended before.
        """
        self.wait_until(lambda: text in self.screen.text, f"{text!r} to be drawn", timeout=timeout, interval=0.002)

    def wait_until(self, condition: Callable[[], bool], what: str, *, timeout: float, interval: float) -> None:
        """Read output until a condition holds, which is checked at an interval of seconds.

        Raises:
            TimeoutError: It did not within ``timeout`` seconds, or the command ended before.
        """
        running, until = True, time.perf_counter() + timeout
        while not condition():  # the last output before the end counts too
            if not running or time.perf_counter() > until:
                raise TimeoutError(f"waited for {what}; the screen:\n{self.screen.text}")
            running = self.drain(interval)

    def drain(self, seconds: float) -> bool:
        """Read output for so long; return False when the command has closed the terminal."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            if select.select([self._master], [], [], left)[0]:
                try:
                    data = os.read(self._master, 65536)
                except OSError:
                    return False
                self._answer(data)
                self.screen.feed(data)
        return True

    def _answer(self, data: bytes) -> None:
        asked = self._asked + data
        for question, answer in _ANSWERS.items():
            os.write(self._master, answer * (asked.count(question) - self._asked.count(question)))
        self._asked = asked[-3:]  # a question may be cut in two

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """End the command, and read its output meanwhile so that it does not block."""
        self.process.terminate()
        while self.process.poll() is None and self.drain(0.05):
            pass
        self.process.wait()
        os.close(self._master)
