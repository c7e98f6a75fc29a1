"""The terminal that the benchmark plays."""

from __future__ import annotations

import sys
import time

import pytest

from tui_vae.bench.terminal import Terminal

ASKS = "import os, tty; tty.setcbreak(0); os.write(1, b'\\x1b[c'); print('told', os.read(0, 100))"


def test_it_answers_what_every_terminal_does() -> None:
    terminal = Terminal((sys.executable, "-c", ASKS), columns=80, rows=24)
    try:
        terminal.wait_for(rb"told b'\x1b[?1;2c'", 60)
    finally:
        terminal.close()


def test_what_was_drawn_last_before_the_end_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both the text and the end are read by one look at the terminal."""
    terminal = Terminal((sys.executable, "-c", "print('last words')"), columns=80, rows=24)
    drain = terminal.drain

    def late(seconds: float) -> bool:
        time.sleep(0.2)
        return drain(1.0)

    monkeypatch.setattr(terminal, "drain", late)
    try:
        terminal.wait_for(b"last words", 60)
        with pytest.raises(TimeoutError):
            terminal.wait_for(b"more", 60)
    finally:
        terminal.close()
