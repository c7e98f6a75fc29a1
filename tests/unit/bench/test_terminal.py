"""The terminal that the benchmark plays."""

from __future__ import annotations

import sys

from tui_vae.bench.terminal import Terminal

ASKS = "import os, tty; tty.setcbreak(0); os.write(1, b'\\x1b[c'); print('told', os.read(0, 100))"


def test_it_answers_what_every_terminal_does() -> None:
    terminal = Terminal((sys.executable, "-c", ASKS), columns=80, rows=24)
    try:
        terminal.wait_for(rb"told b'\x1b[?1;2c'", 60)
    finally:
        terminal.close()
