"""Whether a terminal is asked what it can draw, and how it is left when it was."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tui_vae.app import graphics
from tui_vae.app.graphics import query_terminal
from tui_vae.view.terminal_probe import QUESTION, CellSize, cell_size

KITTY = b"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.42.1)\x1b\\\x1b[?62;22c"
SIXEL = b"\x1bP>|XTerm(379)\x1b\\\x1b[6;18;9t\x1b[?62;4;22c"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMUX", "STY", "NO_COLOR", "COLORTERM"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("TERM", "xterm-kitty")


@contextmanager
def terminal() -> Iterator[int]:
    """The other end of a terminal that is this process's input and output, though not the one that controls it."""
    far, near = pty.openpty()
    os.set_blocking(far, False)
    saved = os.dup(0), os.dup(1)
    os.dup2(near, 0)
    os.dup2(near, 1)
    try:
        yield far
    finally:
        for descriptor, before in enumerate(saved):
            os.dup2(before, descriptor)
            os.close(before)
        os.close(near)
        os.close(far)


def test_an_answer_in_time_and_what_is_typed_with_it() -> None:
    with terminal() as far:
        before = termios.tcgetattr(0)
        os.write(far, b"a")
        with query_terminal("auto", ascii_only=False) as query:
            assert not termios.tcgetattr(0)[3] & (termios.ECHO | termios.ICANON)
            os.write(far, b"b" + KITTY + b"c")
        assert termios.tcgetattr(0) == before
        assert query.graphics.way == "kitty"
        assert query.graphics.typed == b"abc"
        assert os.environ["COLORTERM"] == "truecolor"
        assert QUESTION in os.read(far, 4096)


@pytest.mark.parametrize(
    ("answer", "pixels", "way", "cell"),
    [
        (SIXEL, (0, 0), "sixel", CellSize(9, 18)),
        (b"\x1b[?62;4;22c", (0, 0), "blocks", None),
        (b"\x1b[?62;4;22c", (804, 312), "sixel", None),
        (SIXEL.replace(b";4", b""), (800, 312), "blocks", CellSize(9, 18)),
        (KITTY.replace(b"?62", b"?62;4"), (800, 312), "kitty", None),
    ],
    ids=["told", "of unknown size", "size known to the system", "no sixels", "placeholders are better"],
)
def test_sixels_are_drawn_where_the_terminal_has_them_and_a_cell_has_a_size(
    answer: bytes, pixels: tuple[int, int], way: str, cell: CellSize | None
) -> None:
    with terminal() as far:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, *pixels))
        with query_terminal("auto", ascii_only=False) as query:
            os.write(far, answer)
        assert (query.graphics.way, query.graphics.cell) == (way, cell)
        assert os.environ.get("COLORTERM") == (None if way == "blocks" else "truecolor")


def test_the_size_of_a_cell_is_what_of_the_terminal_falls_to_it() -> None:
    with terminal():
        assert cell_size(0) is None
        # A margin of two pixels on each side.
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 80 * 6 + 4, 24 * 13 + 4))
        assert cell_size(0) == CellSize(6, 13)


def test_a_file_has_no_cells(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert cell_size(file.fileno()) is None


def test_a_silent_terminal_is_left_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal() as far:
        monkeypatch.setattr(graphics, "SECONDS_TO_ANSWER", 0.01)
        with query_terminal("auto", ascii_only=False) as query:
            os.write(far, b"a\x1b_Gi=3")
        assert query.graphics.way == "blocks"
        assert query.graphics.typed == b"a\x1b_Gi=3", "the rest of the answer is not to be taken for keys"
        assert "COLORTERM" not in os.environ


def test_a_signal_meanwhile_is_answered_once_the_terminal_is_as_before() -> None:
    with terminal() as far:
        seen: list[bool] = []

        def answer(*_: object) -> None:
            seen.append(bool(termios.tcgetattr(0)[3] & termios.ECHO))

        usual = signal.signal(signal.SIGTERM, answer)
        try:
            with query_terminal("auto", ascii_only=False):
                signal.raise_signal(signal.SIGTERM)
                assert seen == []
                os.write(far, KITTY)
            assert seen == [True]
            assert signal.getsignal(signal.SIGTERM) is answer
        finally:
            signal.signal(signal.SIGTERM, usual)


@pytest.mark.parametrize(
    ("chosen", "ascii_only", "env", "way"),
    [
        ("kitty", False, {}, "kitty"),
        ("sixel", False, {}, "sixel"),
        ("ascii", False, {}, "ascii"),
        ("kitty", True, {}, "ascii"),
        ("auto", True, {}, "ascii"),
        ("auto", False, {"TMUX": "/tmp/tmux-0/default"}, "blocks"),
        ("auto", False, {"TERM": "screen-256color"}, "blocks"),
        ("auto", False, {"TERM": "linux"}, "blocks"),
        ("auto", False, {"NO_COLOR": "1"}, "blocks"),
    ],
    ids=["kitty", "sixel", "ascii", "kitty in ascii", "auto in ascii", "tmux", "screen", "console", "no colour"],
)
def test_nothing_is_asked_where_the_answer_is_known(
    monkeypatch: pytest.MonkeyPatch, chosen: str, ascii_only: bool, env: dict[str, str], way: str
) -> None:
    with terminal() as far:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        with query_terminal(chosen, ascii_only=ascii_only) as query:
            assert query.graphics.way == way
        with pytest.raises(BlockingIOError):
            os.read(far, 1)
