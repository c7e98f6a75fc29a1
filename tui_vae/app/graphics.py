"""Asks the terminal, before the interface starts, whether it can draw pictures."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import termios
import time
from collections.abc import Iterator, Mapping

from tui_vae.app.signals import REQUESTS, WARNINGS
from tui_vae.view.terminal_probe import QUESTION, Answers, Graphics, cell_size

SECONDS_TO_ANSWER = 0.1
"""That the start may be held up; what the interface is imported in comes on top, for it is used."""

_SIGNALS = (*REQUESTS, *WARNINGS, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)

_CANNOT = ("tmux", "screen", "linux")
"""Terminals that do not pass pictures on, or that print the query."""


class TerminalQuery:
    """``graphics`` is how to draw; known once the terminal has had its time to answer."""

    graphics = Graphics()


@contextlib.contextmanager
def query_terminal(chosen: str, *, ascii_only: bool) -> Iterator[TerminalQuery]:
    """Ask the terminal, if need be, and let it answer while the body runs.

    The terminal is in raw mode meanwhile, and signals that would end the process in it are answered later. Where
    pictures are drawn, ``COLORTERM`` is set: such terminals have all colours, and remote shells lose the variable.

    Args:
        chosen: One of the values of ``--graphics``.
        ascii_only: Whether nothing but ASCII may be written.
    """
    query = TerminalQuery()
    asks = chosen == "auto" and not ascii_only and _may_draw(os.environ)
    if not asks:
        query.graphics = Graphics("ascii" if ascii_only else "blocks" if chosen == "auto" else chosen)
        yield query
    else:
        with _signals_later(), _raw_mode():
            sent = _ask()
            try:
                yield query
            finally:
                if sent:
                    query.graphics = _listen()
    if query.graphics.way in ("kitty", "sixel") and not os.environ.get("COLORTERM"):
        os.environ["COLORTERM"] = "truecolor"


def _may_draw(environment: Mapping[str, str]) -> bool:
    multiplexed = "TMUX" in environment or "STY" in environment
    return not multiplexed and "NO_COLOR" not in environment and not environment.get("TERM", "").startswith(_CANNOT)


@contextlib.contextmanager
def _signals_later() -> Iterator[None]:
    """Answer signals afterwards: their answer may end the process on the spot."""
    received: list[int] = []
    usual = {number: signal.signal(number, lambda number, frame: received.append(number)) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        for came in received:
            signal.raise_signal(came)


@contextlib.contextmanager
def _raw_mode() -> Iterator[None]:
    """Have every key at once, and unseen; nothing that was typed before is lost."""
    before = termios.tcgetattr(0)
    raw = termios.tcgetattr(0)
    raw[3] &= ~(termios.ECHO | termios.ICANON)
    try:
        termios.tcsetattr(0, termios.TCSANOW, raw)
        yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal has gone
            termios.tcsetattr(0, termios.TCSANOW, before)


def _ask() -> bool:
    """Whether the question could be written at once."""
    if not select.select([], [1], [], 0)[1]:
        return False
    with contextlib.suppress(OSError):
        return os.write(1, QUESTION) == len(QUESTION)
    return False


def _listen() -> Graphics:
    answers, typed = Answers(), b""
    end = time.monotonic() + SECONDS_TO_ANSWER
    while not answers.complete and select.select([0], [], [], max(0.0, end - time.monotonic()))[0]:
        data = b""
        with contextlib.suppress(OSError):
            data = os.read(0, 4096)
        if not data:  # the terminal has gone
            break
        typed += answers.feed(data)
    return Graphics(_way(answers), answers.cell, typed + answers.release(), answers.complete)


def _way(answers: Answers) -> str:
    """The best way to draw; sixels are none where it is not known how large a cell is that they are to fill."""
    if answers.draws_placeholders:
        return "kitty"
    return "sixel" if answers.draws_sixels and (cell_size(0) or answers.cell) is not None else "blocks"
