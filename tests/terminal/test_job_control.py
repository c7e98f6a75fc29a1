"""The shell's job control: Ctrl-Z, fg, bg and Ctrl-\\ with the live view and with the interface."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.terminal.conftest import SMALL
from tests.terminal.pseudo_terminal import Terminal
from tests.terminal.shell import Shell
from tui_vae.events import Checkpoint, Event, Notice, Progress, RunFinished, State, decode
from tui_vae.run_store import read_log

ENDLESS = " ".join(("tui-vae", *SMALL, "--epochs", "1000000", "--model", "small=8"))
SUSPENDED = "tui-vae: suspended"
PLAIN_LINE = re.compile(r"\d\d:\d\d  small: epoch \d+: held-out")

Start = Callable[..., Shell]
Spawn = Callable[..., Terminal]


def log_of(folder: Path) -> list[Event]:
    """Events of the log so far, also while it is written."""
    logs = list(folder.glob("runs/*/events.jsonl"))
    return [decode(line) for log in logs for line in log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def epochs(folder: Path) -> int:
    return max((getattr(event, "epoch", 0) for event in log_of(folder)), default=0)


def goes_on(folder: Path) -> Callable[[], bool]:
    """Whether training makes progress from now on."""
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
    """Started in the background, it has a live view when it is brought forward."""
    terminal = shell()
    modes = terminal.output("stty -a")
    terminal.run(f"{ENDLESS} --no-ui &")
    terminal.wait_until(lambda: PLAIN_LINE.search(terminal.text))
    assert "━" not in terminal.text
    terminal.run("clear; fg")
    terminal.wait_until("img/s")
    assert not terminal.cursor_shown
    stop_by_ctrl_z(terminal)
    assert "img/s" not in terminal.text
    assert terminal.output("stty -a") == modes
    terminal.run("clear; bg")
    terminal.wait_for_prompt()
    terminal.press("echo typed")
    length = len(terminal.received)
    terminal.wait_until(lambda: PLAIN_LINE.search(terminal.text))
    terminal.wait_until(goes_on(tmp_path))
    assert b"\x1b[?25l" not in terminal.received[length:]
    assert b"\x1b[1A" not in terminal.received[length:], "something is redrawn over what is typed"
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


@pytest.mark.parametrize("key", [pytest.param("ctrl+c", marks=pytest.mark.long), "ctrl+\\"])
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


def test_the_interface_gives_the_terminal_back_and_takes_it_again(shell: Start, tmp_path: Path) -> None:
    """And a signal stops what trains in the background of its shell."""
    terminal = shell()
    modes = terminal.output("stty -a")
    terminal.run(f"clear; {ENDLESS}")
    terminal.wait_until(lambda: "running" in terminal.text and epochs(tmp_path) > 0)
    stop_by_ctrl_z(terminal)
    assert SUSPENDED in terminal.text
    assert "ELBO" not in terminal.text
    assert terminal.output("stty -a") == modes
    stopped_at = epochs(tmp_path)
    assert terminal.output("echo tail -f log") == "tail -f log\n"
    assert epochs(tmp_path) == stopped_at

    terminal.run("clear; fg")
    terminal.wait_until(terminal.filled)
    terminal.wait_until(goes_on(tmp_path))

    stop_by_ctrl_z(terminal)
    terminal.run("clear; bg")
    terminal.wait_for_prompt()
    length = len(terminal.received)
    terminal.wait_until(goes_on(tmp_path))
    terminal.run("echo typed while it trains")
    terminal.wait_for_prompt()
    terminal.wait_until(goes_on(tmp_path))
    assert b"\x1b[?1049h" not in terminal.received[length:]
    assert b"ELBO" not in terminal.received[length:]
    assert job(terminal).status() != psutil.STATUS_STOPPED

    terminal.run("clear; fg")
    terminal.wait_until(terminal.filled)
    stop_by_ctrl_z(terminal)
    terminal.run("clear; bg")
    terminal.wait_for_prompt()
    length = len(terminal.received)
    job(terminal).send_signal(signal.SIGTERM)
    terminal.wait_until("run kept in")
    terminal.run("wait %1; echo ended with $?")
    terminal.wait_until("ended with 130")
    assert b"\x1b[?1049l" not in terminal.received[length:]
    assert terminal.cursor_shown
    assert terminal.output("stty -a") == modes
    events = log_of(tmp_path)
    assert not [event for event in events if isinstance(event, Notice)]
    assert isinstance(events[-1], RunFinished)
    terminal.assert_left_as_found()


def test_training_goes_on_when_the_shell_of_a_suspended_interface_is_killed(shell: Start, tmp_path: Path) -> None:
    """As by a link that drops: the kernel sends SIGHUP and SIGCONT to a stopped group that nobody can continue."""
    assert ended_with_its_shell(shell(), tmp_path, signal.SIGKILL).status == "finished"


def test_nothing_is_lost_when_the_window_of_a_suspended_interface_is_closed(shell: Start, tmp_path: Path) -> None:
    """Bash sends SIGHUP and SIGCONT, then SIGTERM to jobs that it has not yet seen continue."""
    finished = ended_with_its_shell(shell(), tmp_path, signal.SIGHUP)
    events = list(read_log(next((tmp_path / "runs").iterdir()) / "events.jsonl"))
    if finished.status == "stopped":
        assert {event.reason for event in events if isinstance(event, State) and event.state == "stopped"} == {
            "by SIGTERM"
        }
        saved = [event.step for event in events if isinstance(event, Checkpoint)]
        assert saved[-1] >= max(event.step for event in events if isinstance(event, Progress))
    else:
        assert finished.status == "finished"


def ended_with_its_shell(terminal: Shell, folder: Path, number: signal.Signals) -> RunFinished:
    """How a run ended whose interface was suspended when its shell got a signal and the terminal went away."""
    terminal.run(f"{ENDLESS} --patience 3 --lr 1e-9")
    terminal.wait_until(lambda: "running" in terminal.text and epochs(folder) > 0)
    stop_by_ctrl_z(terminal)
    trains = job(terminal)
    terminal.signal(number)
    terminal.hang_up()
    trains.wait(60)
    (run,) = (folder / "runs").iterdir()
    last = list(read_log(run / "events.jsonl"))[-1]
    assert isinstance(last, RunFinished)
    return last


def test_the_interface_comes_back_after_a_stop_that_nothing_announced(shell: Start) -> None:
    terminal = shell()
    terminal.run("tui-vae runs --open")
    terminal.wait_until(terminal.filled)
    job(terminal).send_signal(signal.SIGSTOP)
    terminal.wait_until("Stopped")
    terminal.run("echo; clear")
    terminal.wait_until(lambda: "runs" not in terminal.text)
    terminal.run("fg")
    terminal.wait_until(terminal.filled)
    terminal.press("q")
    terminal.wait_for_prompt()
    terminal.assert_left_as_found()


def test_where_no_shell_could_continue_it_the_interface_says_so_and_stays(spawn: Spawn, tmp_path: Path) -> None:
    terminal = spawn(tmp_path, "runs", "--open", size=(100, 30))
    terminal.wait_until(terminal.filled)
    terminal.press("ctrl+z")
    terminal.wait_until("no shell to return from")
    terminal.press("?")
    terminal.wait_until("Pause or resume")
    terminal.press("escape")
    terminal.wait_until(lambda: "Pause or resume" not in terminal.text)
    terminal.press("q")
    assert terminal.exit_code() == 0
    terminal.assert_left_as_found()
    assert SUSPENDED not in terminal.text


def test_where_ctrl_z_is_ignored_the_interface_says_so_and_stays(shell: Start) -> None:
    terminal = shell()
    terminal.run("trap '' TSTP; tui-vae runs --open")
    terminal.wait_until(terminal.filled)
    terminal.press("ctrl+z")
    terminal.wait_until("no shell to return from")
    os.kill(job(terminal).pid, signal.SIGTSTP)
    terminal.press("?")
    terminal.wait_until("Pause or resume")
