"""The terminal that the benchmark plays."""

from __future__ import annotations

import sys
import time

import pytest

from tui_vae.bench.terminal import PseudoTerminal, Screen

ASKS = "import os, tty; tty.setcbreak(0); os.write(1, b'\\x1b[c'); print('told', os.read(0, 100))"


def test_it_answers_what_every_terminal_does() -> None:
    terminal = PseudoTerminal((sys.executable, "-c", ASKS), columns=80, rows=24)
    try:
        terminal.wait_for(r"told b'\x1b[?1;2c'", 60)
    finally:
        terminal.close()


def test_it_answers_when_asked_for_its_status() -> None:
    terminal = PseudoTerminal((sys.executable, "-c", ASKS.replace("[c", "[5n")), columns=80, rows=24)
    try:
        terminal.wait_for(r"told b'\x1b[0n'", 60)
    finally:
        terminal.close()


def test_its_screen_is_what_was_written_wherever_that_is_cut() -> None:
    page = "\x1b[?1049h\x1b[2;3H\x1b[38;2;1;2;3mpage ▀▀\x1b[0m\x1b[2C!\x1b[1;1H"
    whole = f"{page}\x1b_Gi=1;AAAA\x1b\\one\x1b[2;3H\x1b[4X\x1b[3;5Hend"
    for cut in range(len(whole.encode())):
        screen = Screen(14, 3)
        screen.feed(whole.encode()[:cut])
        screen.feed(whole.encode()[cut:])
        assert screen.text.split("\n") == ["one           ", "       ▀▀  !  ", "    end       "]


def test_what_was_drawn_last_before_the_end_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both the text and the end are read by one look at the terminal."""
    terminal = PseudoTerminal((sys.executable, "-c", "print('last words')"), columns=80, rows=24)
    drain = terminal.drain

    def late(seconds: float) -> bool:
        time.sleep(0.2)
        return drain(1.0)

    monkeypatch.setattr(terminal, "drain", late)
    try:
        terminal.wait_for("last words", 60)
        with pytest.raises(TimeoutError):
            terminal.wait_for("more", 60)
    finally:
        terminal.close()
