"""What the terminal at hand can do, and how the user's choices about output are carried out."""

from __future__ import annotations

import codecs
import contextlib
import math
import os
import sys
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
    """Whether the terminal on stdout, if there is one, is not that of another session.

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
    """Whether the terminal controls a process of another session, as far as the system tells."""
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
    """What is said while a writer of which nothing is known might give a sign of life."""
    return f"waiting {math.ceil(seconds)} s for a sign of life from {holder}"


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
