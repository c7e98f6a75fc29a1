"""Ways out of the interface while training: the terminal is as before, and nothing of the run is lost."""

from __future__ import annotations

import functools
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fork_client import ForkServer
from tests.terminal.conftest import ENDLESS, SMALL
from tests.terminal.pseudo_terminal import Terminal
from tui_vae.events import RunFinished, State
from tui_vae.run_store import read_log

Spawn = Callable[..., Terminal]
OnlyRun = Callable[[Path], Path]


def assert_stopped_whole(run: Path, reason: str) -> None:
    """The log is complete to its end, and there are weights."""
    assert (run / "events.jsonl").read_bytes().endswith(b"\n")
    events = list(read_log(run / "events.jsonl"))
    assert isinstance(events[-1], RunFinished)
    assert events[-1].status == "stopped"
    assert {e.reason for e in events if isinstance(e, State) and e.state == "stopped"} == {reason}
    assert len(list((run / "models").glob("*/latest.safetensors"))) == 2


def both_train(terminal: Terminal) -> bool:
    """Whether both models have numbers."""
    return terminal.text.count("running") == 2 and "x: steps" in terminal.text


def test_q_h_goes_on_training_in_the_same_terminal(spawn_loaded: Spawn, only_run: OnlyRun, tmp_path: Path) -> None:
    terminal = spawn_loaded(tmp_path, "--epochs", "8", size=(100, 60))
    terminal.wait_until("running")
    terminal.press("q")
    terminal.wait_until("Training is still running. Leave?")
    terminal.press("h")
    terminal.wait_until("img/s")
    terminal.wait_until(lambda: "━" in terminal.text and "Leave" not in terminal.text)
    assert terminal.exit_code() == 0
    terminal.assert_left_as_found()
    assert "held-out ELBO" in terminal.text
    assert "run kept in" in terminal.text
    *_, last = read_log(only_run(tmp_path) / "events.jsonl")
    assert isinstance(last, RunFinished)
    assert last.status == "finished"


@pytest.mark.long
def test_q_h_with_a_paused_model_trains_it_to_its_end(spawn: Spawn, only_run: OnlyRun, tmp_path: Path) -> None:
    """Without the interface nothing could resume it: the process would wait for ever."""
    terminal = spawn(tmp_path, "--epochs", "30")
    terminal.wait_until("waiting for the first steps")
    terminal.press("\x1b[B")  # the deep model, which takes the longer
    terminal.wait_until("running")
    terminal.press(" ")
    terminal.wait_until("paused")
    terminal.press("q")
    terminal.wait_until("Training is still running. Leave?")
    terminal.press("h")
    assert terminal.exit_code(patience=90) == 0
    *_, last = read_log(only_run(tmp_path) / "events.jsonl")
    assert isinstance(last, RunFinished)
    assert last.status == "finished"


def test_q_s_stops_with_everything_kept(spawn_loaded: Spawn, only_run: OnlyRun, tmp_path: Path) -> None:
    terminal = spawn_loaded(tmp_path, *ENDLESS)
    terminal.wait_until(lambda: both_train(terminal))
    terminal.press("q")
    terminal.wait_until("Training is still running. Leave?")
    terminal.press("s")
    assert terminal.exit_code() == 130
    terminal.assert_left_as_found()
    assert_stopped_whole(only_run(tmp_path), "by the user")
    assert "stopped" in "".join(str(e) for e in read_log(only_run(tmp_path) / "events.jsonl"))


def test_ctrl_c_twice_stops_with_everything_kept(spawn_loaded: Spawn, only_run: OnlyRun, tmp_path: Path) -> None:
    terminal = spawn_loaded(tmp_path, *ENDLESS)
    terminal.wait_until("running")
    terminal.press("ctrl+c")
    terminal.wait_until("Training is still running. Leave?")
    terminal.press("ctrl+c")
    assert terminal.exit_code() == 130
    terminal.assert_left_as_found()
    assert_stopped_whole(only_run(tmp_path), "by the user")


def test_sigterm_in_the_c_locale_restores_the_terminal_and_all_output_was_ascii(
    spawn: Spawn, only_run: OnlyRun, tmp_path: Path
) -> None:
    terminal = spawn(tmp_path, *ENDLESS, LANG="C")
    terminal.wait_until(lambda: both_train(terminal))
    for key, text in (
        ("2", "held-out"),
        ("3", "sorted"),
        ("5", "following"),
        ("1", "-ELBO"),
        ("?", "Pause or resume"),
    ):
        terminal.press(key)
        terminal.wait_until(text)
    terminal.signal(signal.SIGTERM)
    assert terminal.exit_code() == 130
    terminal.assert_left_as_found()
    assert_stopped_whole(only_run(tmp_path), "by SIGTERM")
    assert terminal.received.isascii()


def test_sigint_without_colour_restores_the_terminal_and_all_output_was_grey(
    spawn_loaded: Spawn, only_run: OnlyRun, tmp_path: Path
) -> None:
    terminal = spawn_loaded(tmp_path, *ENDLESS, NO_COLOR="1", COLORTERM="truecolor")
    terminal.wait_until(lambda: both_train(terminal))
    for colour in terminal.colours - {"default", "black", "white"}:
        assert colour[0:2] == colour[2:4] == colour[4:6], colour
    terminal.signal(signal.SIGINT)
    assert terminal.exit_code() == 130
    terminal.assert_left_as_found()
    assert_stopped_whole(only_run(tmp_path), "by SIGINT")


def test_many_signals_at_once_restore_the_terminal(spawn_loaded: Spawn, tmp_path: Path) -> None:
    terminal = spawn_loaded(tmp_path, *ENDLESS)
    terminal.wait_until(lambda: both_train(terminal))
    for number in (signal.SIGTERM, signal.SIGINT) * 3:
        terminal.signal(number)
        time.sleep(0.002)
    assert terminal.exit_code() == 130
    terminal.assert_left_as_found()


def test_q_before_training_begins_leaves_no_trace(spawn: Spawn, tmp_path: Path) -> None:
    terminal = spawn(tmp_path, *ENDLESS)
    terminal.wait_until("loading torch")
    terminal.press("q")
    assert terminal.exit_code() == 130
    terminal.assert_left_as_found()
    assert "stopped before training began" in terminal.text
    assert not (tmp_path / "runs").exists()


def test_the_interface_is_on_the_terminal_where_messages_go_to_a_file(
    fork_server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> None:
    with (tmp_path / "messages").open("w") as messages:
        begin = functools.partial(
            fork_server.start,
            [*SMALL, *ENDLESS],
            folder=tmp_path,
            env=environment,
            terminal=True,
            slow_until=str(tmp_path / "never"),
        )
        terminal = Terminal(lambda end: begin(streams=(end, end, messages.fileno())), (80, 24))
    try:
        terminal.wait_until("running")
        terminal.press("q")
        terminal.wait_until("Training is still running. Leave?")
        terminal.press("s")
        assert terminal.exit_code() == 130
        terminal.assert_left_as_found()
    finally:
        terminal.close()
    assert "\x1b" not in (tmp_path / "messages").read_text()


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM])
def test_a_signal_before_training_begins_restores_the_terminal(
    spawn: Spawn, tmp_path: Path, number: signal.Signals
) -> None:
    terminal = spawn(tmp_path, *ENDLESS)
    terminal.wait_until("loading torch")
    terminal.signal(number)
    assert terminal.exit_code() == 130
    terminal.assert_left_as_found()


def test_missing_data_leaves_one_line_in_a_clean_terminal(spawn_loaded: Spawn, tmp_path: Path) -> None:
    terminal = spawn_loaded(tmp_path, "--dataset", "fashion-mnist", "--data-dir", "empty", size=(100, 24))
    assert terminal.exit_code() == 3
    terminal.assert_left_as_found()
    lines = [line for line in terminal.text.splitlines() if line.strip()]
    assert lines[0].startswith("tui-vae: ")
    assert "fashion-mnist" in terminal.text
    assert len("".join(lines)) <= 2 * 100
    assert not (tmp_path / "runs").exists()
