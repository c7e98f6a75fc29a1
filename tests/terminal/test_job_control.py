"""The shell's job control: Ctrl-Z, fg, bg and Ctrl-\\ with the live view."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.terminal.conftest import SMALL
from tests.terminal.pseudo_terminal import Terminal
from tests.terminal.shell import Shell
from tui_vae.events import Event, RunFinished, State, decode

ENDLESS = " ".join(("tui-vae", *SMALL, "--epochs", "1000000", "--model", "small=8"))
PLAIN_LINE = re.compile(r"\d\d:\d\d  small: epoch \d+: held-out")

Start = Callable[..., Shell]
Spawn = Callable[..., Terminal]


def log_of(folder: Path) -> list[Event]:
    """What the log tells so far, also while it is written."""
    logs = list(folder.glob("runs/*/events.jsonl"))
    return [decode(line) for log in logs for line in log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def epochs(folder: Path) -> int:
    return max((getattr(event, "epoch", 0) for event in log_of(folder)), default=0)


def goes_on(folder: Path) -> Callable[[], bool]:
    """Whether training has gone on since now."""
    before = epochs(folder)
    return lambda: epochs(folder) > before + 1


def job(shell: Shell) -> psutil.Process:
    """The process that the shell has started."""
    (child,) = psutil.Process(shell.pid).children()
    return child


def stop_by_ctrl_z(shell: Shell) -> None:
    shell.press("ctrl+z")
    shell.wait_until("Stopped")
    shell.wait_for_prompt()
    assert job(shell).status() == psutil.STATUS_STOPPED
    assert shell.cursor_shown


def test_a_live_view_gives_the_terminal_back_and_writes_plain_lines_in_the_background(
    shell: Start, tmp_path: Path
) -> None:
    terminal = shell()
    modes = terminal.output("stty -a")
    terminal.run(f"{ENDLESS} --no-ui")
    terminal.wait_until("img/s")
    assert not terminal.cursor_shown
    stop_by_ctrl_z(terminal)
    assert "img/s" not in terminal.text
    assert terminal.output("stty -a") == modes
    terminal.run("clear; bg")
    terminal.wait_for_prompt()
    terminal.press("echo typed")
    begun = len(terminal.received)
    terminal.wait_until(lambda: PLAIN_LINE.search(terminal.text))
    terminal.wait_until(goes_on(tmp_path))
    assert b"\x1b[?25l" not in terminal.received[begun:]
    assert b"\x1b[1A" not in terminal.received[begun:], "something is redrawn over what is typed"
    terminal.run("clear; fg")
    terminal.wait_until("img/s")
    terminal.press("ctrl+\\")
    terminal.wait_until("run kept in")
    terminal.wait_for_prompt()
    assert terminal.cursor_shown
    assert terminal.output("echo $?") == "130\n"
    assert terminal.output("stty -a") == modes
    *_, last = log_of(tmp_path)
    assert isinstance(last, RunFinished)
    assert {e.reason for e in log_of(tmp_path) if isinstance(e, State) and e.state == "stopped"} == {"by SIGQUIT"}
    assert list(tmp_path.glob("runs/*/models/small/latest.safetensors"))


def test_a_live_view_comes_when_what_was_started_in_the_background_is_brought_forward(shell: Start) -> None:
    terminal = shell()
    terminal.run(f"{ENDLESS} --no-ui &")
    terminal.wait_until(lambda: PLAIN_LINE.search(terminal.text))
    assert "━" not in terminal.text
    terminal.run("clear; fg")
    terminal.wait_until("img/s")
    terminal.press("ctrl+c")
    terminal.wait_until("run kept in")
    terminal.wait_for_prompt()
    terminal.assert_left_as_found()


@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+\\"])
def test_a_key_that_ends_it_before_training_begins_leaves_a_cursor(spawn: Spawn, tmp_path: Path, key: str) -> None:
    terminal = spawn(tmp_path, "--no-ui", "--epochs", "1000000")
    terminal.wait_until("loading torch")
    terminal.press(key)
    assert terminal.exit_code() == 130
    assert "\ntui-vae: stopped by SIG" in terminal.text
    terminal.assert_left_as_found()


def test_what_cannot_begin_leaves_a_cursor(spawn_loaded: Spawn, tmp_path: Path) -> None:
    terminal = spawn_loaded(tmp_path, "--no-ui", "--dataset", "fashion-mnist", "--data-dir", "empty", size=(100, 24))
    assert terminal.exit_code() == 3
    terminal.assert_left_as_found()
    assert "…" not in terminal.text
