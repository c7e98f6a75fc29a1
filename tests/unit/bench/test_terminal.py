"""The pseudo-terminal of the benchmark."""

from __future__ import annotations

import sys

import pytest

from tui_vae.bench.terminal import PseudoTerminal, Screen

ASKS = "import os, tty; tty.setcbreak(0); os.write(1, b'\\x1b[c'); print('answer', os.read(0, 100))"


@pytest.mark.parametrize(
    ("request_", "answer"), [("[c", r"b'\x1b[?1;2c'"), ("[5n", r"b'\x1b[0n'")], ids=["attributes", "status"]
)
def test_it_answers_what_every_terminal_does(request_: str, answer: str) -> None:
    with PseudoTerminal((sys.executable, "-c", ASKS.replace("[c", request_))) as terminal:
        terminal.wait_for(f"answer {answer}")


def test_its_screen_shows_what_was_written_however_that_is_divided() -> None:
    page = "\x1b[?1049h\x1b[2;3H\x1b[38;2;1;2;3mpage ▀▀\x1b[0m\x1b[2C!\x1b[1;1H"
    whole = f"{page}\x1b_Gi=1;AAAA\x1b\\one\x1b[2;3H\x1b[4X\x1b[3;5Hend"
    for cut in range(len(whole.encode())):
        screen = Screen(14, 3)
        screen.feed(whole.encode()[:cut])
        screen.feed(whole.encode()[cut:])
        assert screen.text.split("\n") == ["one           ", "       ▀▀  !  ", "    end       "]


def test_the_last_output_before_the_end_counts() -> None:
    with PseudoTerminal((sys.executable, "-c", "print('last words')")) as terminal:
        terminal.process.wait()
        terminal.wait_for("last words")
        with pytest.raises(TimeoutError, match="more"):
            terminal.wait_for("more")
