"""What terminals call themselves: the interface starts, or training goes on without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal.pseudo_terminal import Terminal


@pytest.mark.parametrize("name", ["xterm", "xterm-256color", "tmux-256color", "linux", "vt100"])
def test_the_interface_starts_and_leaves(spawn: Callable[..., Terminal], tmp_path: Path, name: str) -> None:
    terminal = spawn(tmp_path, TERM=name)
    terminal.wait_until("leave")
    terminal.press("q")
    assert terminal.exit_code() == 130
    terminal.assert_left_as_found()
    assert b"Traceback" not in terminal.received


def test_a_dumb_terminal_gets_plain_lines_after_one_that_says_so(
    spawn: Callable[..., Terminal], tmp_path: Path
) -> None:
    terminal = spawn(tmp_path, "--epochs", "1", size=(120, 60), TERM="dumb")
    assert terminal.exit_code() == 0
    lines = [line for line in terminal.text.splitlines() if line.strip()]
    assert lines[0].startswith("tui-vae: no terminal for the interface here")
    assert any("epoch 1: held-out ELBO" in line for line in lines)
    assert b"\x1b" not in terminal.received
