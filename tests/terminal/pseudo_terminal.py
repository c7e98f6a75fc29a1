"""A process in a pseudo-terminal, whose screen a terminal emulator keeps."""

from __future__ import annotations

import contextlib
import copy
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyte
import pytest

from tests.fork_client import Child

PATIENCE = 60.0
"""Seconds after which a state that does not come is given up; no test waits for it when all is well."""

KEYS = {"enter": "\r", "escape": "\x1b", "tab": "\t", "left": "\x1b[D", "right": "\x1b[C", "ctrl+c": "\x03"}
KEYS |= {"ctrl+l": "\x0c", "ctrl+z": "\x1a", "ctrl+\\": "\x1c"}
_ALTERNATE = 1049
_ON_BY_DEFAULT = {7: "lines wrap", 25: "the cursor is shown"}
_MODE = re.compile(rb"\x1b\[\?([\d;]+)([hl])")


class Screen(pyte.Screen):
    """A screen with an alternate buffer, as real terminals have: leaving it brings back what was there."""

    _main: Any = None

    def set_mode(self, *modes: int, **options: Any) -> None:
        if _ALTERNATE in modes and options.get("private"):
            self._main = (copy.deepcopy(self.buffer), copy.copy(self.cursor))
            self.erase_in_display(2)
        super().set_mode(*modes, **options)

    def reset_mode(self, *modes: int, **options: Any) -> None:
        super().reset_mode(*modes, **options)
        if _ALTERNATE in modes and options.get("private") and self._main is not None:
            self.buffer, self.cursor = self._main
            self._main = None
            self.dirty.update(range(self.lines))

    def report_device_status(self, mode: int, **options: Any) -> None:
        """Questions for the terminal are not answered, as over a slow line."""


Process = Child | subprocess.Popen[bytes]
_STATUS = b"\x1b[5n"
"""The question for it (DSR 5), to which the emulator has no answer."""

_COMMANDS = re.compile(rb"\x1b_[^\x1b]*\x1b\\")
"""For programs (APC): what a terminal does not know of them it does not show, which the emulator would."""

Begin = Callable[[int], Process]
"""Starts a process in the terminal that a descriptor leads to."""


def started(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Begin:
    """Starts a program as a terminal emulator does: as the first of a session, which the terminal controls."""

    def control_terminal() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which is ignored where the tests run under nohup
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def begin(terminal: int) -> Process:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=control_terminal,  # noqa: PLW1509 - takes no lock
        )

    return begin


class Terminal:
    """One process in a terminal of its own.

    Attributes:
        answers: Whether it answers when it is asked for its status.
        most_at_once: Bytes that are taken before anybody looks at the screen: the kernel gives only a part at once.
    """

    answers = True
    most_at_once = 65536

    def __init__(self, begin: Begin, size: tuple[int, int]):
        width, height = size
        self.received = self._held = b""
        self._screen = Screen(width, height)
        self._stream = pyte.ByteStream(self._screen)
        self._end, terminal = os.openpty()
        self._hung_up = False
        self._set_size(struct.pack("HHHH", height, width, 0, 0))
        self._flags = termios.tcgetattr(self._end)[3]
        self.process = begin(terminal)
        os.close(terminal)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def text(self) -> str:
        return "\n".join(self._screen.display)

    @property
    def cursor_shown(self) -> bool:
        return not self._screen.cursor.hidden

    @property
    def colours(self) -> set[str]:
        """Foreground and background colours of all cells that are not blank."""
        cells = [cell for row in self._screen.buffer.values() for cell in row.values() if cell.data.strip()]
        return {cell.fg for cell in cells} | {cell.bg for cell in cells}

    def read(self, seconds: float = 0.1) -> bool:
        """Take all that the process has written; False once it has closed its terminal."""
        output = b""
        ended = False
        while not ended and len(output) < self.most_at_once and select.select([self._end], [], [], seconds)[0]:
            try:
                more = os.read(self._end, self.most_at_once - len(output))
            except OSError:  # so Linux says that nobody has it open any more
                more = b""
            ended = not more
            output += more
            seconds = 0.0
        self.show(output)
        return not ended

    def show(self, output: bytes) -> None:
        """Take what has arrived at the terminal."""
        before = max(0, len(self.received) - len(_STATUS) + 1)
        self.received += output
        if self.answers:
            with contextlib.suppress(OSError):  # nobody has it open any more
                os.write(self._end, self.received.count(_STATUS, before) * b"\x1b[0n")
        shown, cut, self._held = _COMMANDS.sub(b"", self._held + output).partition(b"\x1b_")
        self._held = cut + self._held
        self._stream.feed(shown)

    def wait_until(self, condition: str | Callable[[], object], patience: float = PATIENCE) -> None:
        """Wait for a text on the screen, or for a condition."""
        holds = (lambda: condition in self.text) if isinstance(condition, str) else condition
        end = time.monotonic() + patience
        while not holds():
            if time.monotonic() > end:
                pytest.fail(f"waited in vain for {condition}; the screen:\n{self.text}")
            if not self.read() and not holds():
                pytest.fail(f"ended while waiting for {condition}; the screen:\n{self.text}")

    def see(self, condition: str | Callable[[], object], patience: float = 10.0) -> str:
        """The screen once a condition holds, or as it is when it has not come to hold."""
        holds = (lambda: condition in self.text) if isinstance(condition, str) else condition
        end = time.monotonic() + patience
        while not holds() and time.monotonic() < end and self.read():
            pass
        return self.text

    def filled(self) -> bool:
        """Whether the interface covers the terminal, no more and no less; a scroll bar is two blanks to the eye."""
        *_, frame, keys = self._screen.display
        return frame.startswith("╰") and frame.endswith(("╯", "╯  ")) and keys.rstrip().endswith("q leave")

    def press(self, *keys: str) -> None:
        """Type; escape comes last, for a key right after it would be taken as one with alt."""
        for key in keys:
            os.write(self._end, KEYS.get(key, key).encode())

    def send(self, data: bytes) -> None:
        """Send what no key sends."""
        os.write(self._end, data)

    def resize(self, width: int, height: int) -> None:
        self._screen.resize(height, width)
        self._set_size(struct.pack("HHHH", height, width, 0, 0))

    def change_font(self, width: int, height: int) -> None:
        """Give as many cells as before another size in pixels."""
        columns, lines = self._screen.columns, self._screen.lines
        self._set_size(struct.pack("HHHH", lines, columns, columns * width, lines * height))

    def _set_size(self, size: bytes) -> None:
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, size)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def exit_code(self, patience: float = PATIENCE) -> int:
        """Wait for the end of the process."""
        end = time.monotonic() + patience
        while self.read():
            if time.monotonic() > end:
                pytest.fail(f"did not end; the screen:\n{self.text}")
        code = self.process.wait()
        assert code >= 0, f"ended by signal {-code}"
        return code

    def assert_left_as_found(self) -> None:
        """No raw mode, no alternate screen, a visible cursor, and no other mode of the terminal still on."""
        assert termios.tcgetattr(self._end)[3] == self._flags, "still in raw mode"
        state: dict[int, bytes] = {}
        for numbers, switch in _MODE.findall(self.received):
            state.update(dict.fromkeys(map(int, numbers.split(b";")), switch))
        for mode, meaning in _ON_BY_DEFAULT.items():
            assert state.pop(mode, b"h") == b"h", f"no longer: {meaning}"
        assert [mode for mode, switch in state.items() if switch == b"h"] == []
        assert "Traceback" not in self.text

    def hang_up(self) -> None:
        """Close the other end, as when a link drops: the kernel sends SIGHUP, and reading and writing fail."""
        os.close(self._end)
        self._hung_up = True

    def wait_unread(self, patience: float = PATIENCE) -> int:
        """Wait for the end of a process whose output nobody reads; returns its exit code, or minus its signal."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            code = self.process.poll()
            if code is not None:
                return code
            time.sleep(0.05)
        pytest.fail("did not end")

    def close(self) -> None:
        """End what is left of the process, and the terminal."""
        if not self._hung_up:
            self.hang_up()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
