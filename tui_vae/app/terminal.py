"""The terminal of this process: what it can do, its loss, and the settings of the output streams.

A terminal that goes away: the link drops, the window is closed, the multiplexer is killed.

The kernel then ends every read and write on it, and libraries that are not prepared for that spin or die. So each
descriptor that leads to the terminal is given another end: a silent pipe for what is read, and nothing for what is
written.
"""

from __future__ import annotations

import codecs
import contextlib
import math
import os
import select
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from tui_vae.config import DisplayConfig
from tui_vae.job_control import in_background
from tui_vae.view.sanitize import to_ascii


def usable_terminal() -> bool:
    """Whether the interface can be shown: both ends are a terminal that can place its cursor, and it is ours to use."""
    placed = os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")
    return placed and sys.stdin.isatty() and sys.stdout.isatty() and own_terminal() and not in_background(sys.stdout)


def own_terminal() -> bool:
    """Whether stdout is not the terminal of another session.

    ``setsid`` gives a command a session of its own and leaves it the shell's terminal on its descriptors.
    """
    try:
        os.tcgetpgrp(sys.stdout.fileno())
    except ValueError:
        return False
    except OSError:  # not the terminal that controls this process: is it that of another?
        return not _controls_another(sys.stdout.fileno())
    return True


def _controls_another(descriptor: int) -> bool:
    """Whether the terminal controls a process of another session, as far as the system says."""
    try:
        device = os.fstat(descriptor).st_rdev
        processes = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return False
    for process in processes:
        with contextlib.suppress(OSError, IndexError):  # it has ended meanwhile
            number = int(process_status(process)[4])
            if number and os.makedev(number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00) == device:
                return True
    return False


def process_status(pid: int) -> list[str]:
    """Read the fields of ``/proc/PID/stat`` (proc(5)) from the third on, the process's state.

    Raises:
        OSError: There is no such process, or the system has no such file.
    """
    # The second field is the program's name in parentheses, which may hold anything; the others do not hold any.
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def waits_for(holder: str, seconds: float) -> str:
    """The message while a writer of unknown state may still give a sign of life."""
    return f"waiting {math.ceil(seconds)} s for a heartbeat from {holder}"


@contextlib.contextmanager
def countdown() -> Iterator[Callable[[str, float], None]]:
    """Count down on stderr while a writer is waited for: in one line of a terminal, elsewhere only say so once."""
    in_place = sys.stderr.isatty()
    width = 0

    def say(holder: str, seconds: float) -> None:
        nonlocal width
        text = f"tui-vae: {waits_for(holder, seconds)}; Ctrl-C leaves the run as it is"
        if in_place:
            text = text[: os.get_terminal_size(sys.stderr.fileno()).columns - 1]
            sys.stderr.write(f"\r{text:{width}}\r")
        elif not width:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
        width = len(text)

    try:
        yield say
    finally:
        if in_place and width:
            sys.stderr.write(f"\r{'':{width}}\r")
            sys.stderr.flush()


def prepare_output(display: DisplayConfig) -> bool:
    """Set up the process's output; returns whether it is restricted to ASCII."""
    if display.color == "never":
        os.environ["NO_COLOR"] = "1"
        os.environ.pop("FORCE_COLOR", None)
    elif display.color == "always":
        os.environ.pop("NO_COLOR", None)
        os.environ["FORCE_COLOR"] = "1"
        os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", "truecolor")
    ascii_only = display.ascii or locale_says_ascii()
    codecs.register_error("readable", _readable)
    for stream in (sys.stdout, sys.stderr):
        _prepare(stream, ascii_only)
    return ascii_only


def locale_says_ascii() -> bool:
    """Whether the user chose the C locale. None chosen at all, as in containers, says nothing about the terminal."""
    chosen = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return chosen in ("C", "POSIX")


def _prepare(stream: TextIO, ascii_only: bool) -> None:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="ascii" if ascii_only else None, errors="readable")


def _readable(error: UnicodeError) -> tuple[str, int]:
    """Stand-ins for characters that the output cannot show."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return to_ascii(error.object[error.start : error.end]), error.end


SECONDS_BETWEEN_LOOKS = 1.0
_MOST_DESCRIPTORS = 256


class TerminalWatch:
    """Watches the terminal of this process, if it has one, and replaces its descriptors when it is lost."""

    def __init__(self) -> None:
        self._answer: Callable[[str], None] = _nothing
        self._devices = {_device(descriptor) for descriptor in (0, 1, 2) if _is_terminal(descriptor)}
        self._written = _is_terminal(1)
        self._lock = threading.Lock()
        self._lost = threading.Event()
        self._reason = ""
        self._ends: tuple[int, int, int] | None = None

    @property
    def lost(self) -> bool:
        return self._lost.is_set()

    @property
    def output_lost(self) -> bool:
        """Whether standard output led to the lost terminal."""
        return self.lost and self._written

    def on_lost(self, answer: Callable[[str], None]) -> None:
        """Call ``answer`` with the reason, in the thread that watches; or here and now if it is lost already.

        It may be called more than once.
        """
        self._answer = answer
        if self.lost:
            answer(self._reason)

    def watch(self) -> None:
        """Wait for the loss in a thread, and poll for it: without a controlling terminal there is no signal.

        That thread answers. A signal's handler could not: it may have come while its own thread holds a lock that the
        answer needs.
        """
        threading.Thread(target=self._wait, name="terminal", daemon=True).start()

    def lose(self, reason: str) -> None:
        """Let go of the terminal; any number of times, from any thread, also from a signal's handler."""
        # A handler may come in the middle of another call in its own thread: that one is about to do the same.
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self.lost:
                return
            self._replace()
            self._reason = reason
            self._lost.set()
        finally:
            self._lock.release()

    def _replace(self) -> None:
        reading, writing = os.pipe()
        nowhere = os.open(os.devnull, os.O_RDWR)
        self._ends = reading, writing, nowhere  # kept open: a pipe whose end is closed would be at its end
        # A reader woken by the hang-up would block for ever: it reads a key without meaning.
        os.write(writing, b"\0")
        for descriptor in _open_descriptors():
            if _device(descriptor) in self._devices:
                with contextlib.suppress(OSError):
                    os.dup2(reading if descriptor == 0 else nowhere, descriptor, inheritable=descriptor <= 2)

    def _wait(self) -> None:
        self._look()
        self._lost.wait()
        self._answer(self._reason)

    def _look(self) -> None:
        """Poll for the loss of the terminal, if there is one."""
        own = next((descriptor for descriptor in (0, 1, 2) if _is_terminal(descriptor)), None)
        if own is None:
            return
        # A descriptor of its own, which stays with the terminal when others are led elsewhere.
        own = os.dup(own)
        poll = select.poll()
        poll.register(own, 0)
        while not self._lost.wait(SECONDS_BETWEEN_LOOKS):
            if any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0)):
                self.lose("the terminal went away")


def _nothing(reason: str) -> None:
    """The default answer."""


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _device(descriptor: int) -> int | None:
    """The device that a descriptor leads to, also when that has gone; ``None`` when it is no device."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_rdev if stat.S_ISCHR(status.st_mode) else None


def _open_descriptors() -> Iterator[int]:
    try:
        yield from sorted(int(name) for name in os.listdir("/dev/fd"))
    except (OSError, ValueError):
        yield from range(_MOST_DESCRIPTORS)
