"""A terminal that goes away, or stops reading: training goes on, finishes, and gives the same bits."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fork_client import ForkServer
from tests.terminal.pseudo_terminal import Terminal, started
from tui_vae.events import Checkpoint, Event, Notice, RunFinished, State, decode
from tui_vae.run_store import read_log

Spawn = Callable[..., Terminal]
OnlyRun = Callable[[Path], Path]
OPTIONS = ("--epochs", "6", "--seed", "3", "--model", "linear=", "--model", "deep=128,64")
MODELS = ("linear", "deep")
FILES = ("latest.safetensors", "latest.optimizer.safetensors", "best.safetensors")
SMALL = ("--no-evaluate", "--train-size", "2000", "--val-size", "1000", "--device", "cpu", "--threads", "1")


@pytest.fixture(scope="module")
def undisturbed(fork_server: ForkServer, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that had no terminal at all."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with open(os.devnull, "r+") as nowhere:
        arguments, streams = [*SMALL, *OPTIONS, "--no-ui", "--quiet"], [nowhere.fileno()] * 3
        assert fork_server.start(arguments, folder=folder, env=environment, streams=streams).wait() == 0
    return folder


def log_of(folder: Path) -> list[Event]:
    """What the log tells so far, also while it is written."""
    logs = list(folder.glob("runs/*/events.jsonl"))
    return [decode(line) for log in logs for line in log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def training(folder: Path, epoch: int = 1) -> Callable[[], bool]:
    """Whether every model is in a later epoch."""
    return lambda: {getattr(e, "model", None) for e in log_of(folder) if getattr(e, "epoch", 0) > epoch} >= set(MODELS)


def assert_trained_undisturbed(run: Path, undisturbed: Path) -> None:
    last = list(read_log(run / "events.jsonl"))[-1]
    assert isinstance(last, RunFinished)
    assert last.status == "finished"
    for model in MODELS:
        for file in FILES:
            found, expected = (folder / "models" / model / file for folder in (run, undisturbed))
            assert found.read_bytes() == expected.read_bytes(), f"{model}: {file}"
    wait_until(lambda: not (run / "lease.json").exists())  # which is given back after the log's last line


@pytest.mark.parametrize("choice", [(), ("--no-ui",), ("--no-ui", "--json")], ids=["interface", "live", "json"])
def test_a_link_that_drops_ends_the_display_and_not_the_training(
    choice: tuple[str, ...], spawn_loaded: Spawn, only_run: OnlyRun, undisturbed: Path, tmp_path: Path
) -> None:
    terminal = spawn_loaded(tmp_path, *OPTIONS, *choice, size=(140, 45), slow_until=tmp_path / "lost")
    terminal.wait_until(training(tmp_path))
    terminal.hang_up()
    (tmp_path / "lost").touch()
    assert terminal.wait_unread() == 0
    run = only_run(tmp_path)
    assert_trained_undisturbed(run, only_run(undisturbed))
    events = log_of(tmp_path)
    ((lost, notice),) = ((index, e) for index, e in enumerate(events) if isinstance(e, Notice))
    assert "without a terminal" in notice.text
    after = {e.model for e in events[lost:] if isinstance(e, Checkpoint)}
    assert after == set(MODELS)


def test_a_link_that_drops_before_training_began(
    spawn: Spawn, only_run: OnlyRun, undisturbed: Path, tmp_path: Path
) -> None:
    terminal = spawn(tmp_path, *OPTIONS)
    terminal.wait_until("loading torch")
    terminal.hang_up()
    assert terminal.wait_unread() == 0
    assert_trained_undisturbed(only_run(tmp_path), only_run(undisturbed))


@pytest.mark.long
def test_a_paused_model_goes_on_when_nobody_can_resume_it(
    spawn: Spawn, only_run: OnlyRun, undisturbed: Path, tmp_path: Path
) -> None:
    terminal = spawn(tmp_path, *OPTIONS)
    terminal.wait_until(training(tmp_path))
    terminal.press("p")
    terminal.wait_until(lambda: any(isinstance(e, State) and e.state == "paused" for e in log_of(tmp_path)))
    terminal.hang_up()
    assert terminal.wait_unread() == 0
    assert_trained_undisturbed(only_run(tmp_path), only_run(undisturbed))


def test_the_hang_up_signal_alone_is_enough(
    spawn_loaded: Spawn, only_run: OnlyRun, undisturbed: Path, tmp_path: Path
) -> None:
    """As from a multiplexer that is killed, whose pseudo-terminals live a moment longer."""
    terminal = spawn_loaded(tmp_path, *OPTIONS, slow_until=tmp_path / "lost")
    terminal.wait_until(training(tmp_path))
    terminal.signal(signal.SIGHUP)
    (tmp_path / "lost").touch()
    terminal.exit_code()
    assert_trained_undisturbed(only_run(tmp_path), only_run(undisturbed))


def test_a_terminal_that_does_not_read_holds_up_nothing(
    spawn_loaded: Spawn, only_run: OnlyRun, undisturbed: Path, tmp_path: Path
) -> None:
    terminal = spawn_loaded(tmp_path, *OPTIONS, size=(140, 45), slow_until=tmp_path / "unread")
    terminal.wait_until(training(tmp_path, epoch=0))
    # Its output is left where it is from now on: the buffers fill within a second.
    time.sleep(2.0)
    (tmp_path / "unread").touch()
    wait_for_log(tmp_path, lambda events: isinstance(events[-1], RunFinished))
    assert_still_open(terminal)
    terminal.wait_until(lambda: terminal.text.count("finished") >= len(MODELS))
    terminal.press("q")
    assert terminal.exit_code() == 0
    terminal.assert_left_as_found()
    assert_trained_undisturbed(only_run(tmp_path), only_run(undisturbed))


@pytest.mark.long
def test_a_stop_by_signal_works_on_a_terminal_that_does_not_read(
    spawn: Spawn, only_run: OnlyRun, tmp_path: Path
) -> None:
    terminal = spawn(tmp_path, "--epochs", "100000", "--model", "deep=128,64", size=(140, 45))
    terminal.wait_until(lambda: any(getattr(e, "epoch", 0) > 1 for e in log_of(tmp_path)))
    time.sleep(3.0)  # the buffers are full and the interface waits
    terminal.signal(signal.SIGTERM)
    wait_for_log(tmp_path, lambda events: isinstance(events[-1], RunFinished))
    last = log_of(tmp_path)[-1]
    assert isinstance(last, RunFinished)
    assert last.status == "stopped"
    # Nobody reads: the process ends all the same, without putting the terminal right.
    assert terminal.wait_unread() == 130
    assert not (only_run(tmp_path) / "lease.json").exists()


@pytest.mark.long
def test_the_front_end_that_lost_its_terminal_takes_no_time(spawn: Spawn, tmp_path: Path) -> None:
    terminal = spawn(tmp_path, "--epochs", "100000", "--model", "deep=128,64")
    terminal.wait_until(lambda: any(getattr(e, "epoch", 0) > 1 for e in log_of(tmp_path)))
    terminal.hang_up()
    time.sleep(3.0)
    main_thread = f"/proc/{terminal.pid}/task/{terminal.pid}/stat"
    before = ticks(main_thread)
    time.sleep(4.0)
    assert ticks(main_thread) - before <= 2  # of 400 that four seconds have
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.wait_unread() == 130


def test_in_the_background_of_a_shell_it_trains_without_the_interface(
    command: str, only_run: OnlyRun, undisturbed: Path, tmp_path: Path, spawn: Spawn
) -> None:
    shell = shell_in(tmp_path)
    try:
        shell.press(f"{command} {' '.join((*SMALL, *OPTIONS))} &\r")
        shell.wait_until("without it, as --no-ui does")
        shell.wait_until(lambda: isinstance((log_of(tmp_path) or [None])[-1], RunFinished))
        assert b"\x1b[?1049h" not in shell.received
    finally:
        shell.close()
    assert_trained_undisturbed(only_run(tmp_path), only_run(undisturbed))


@pytest.mark.parametrize("wrapper", ["nohup", pytest.param("setsid", marks=pytest.mark.long)])
def test_detached_by_the_shell_it_trains_and_outlives_it(
    wrapper: str, command: str, only_run: OnlyRun, undisturbed: Path, tmp_path: Path
) -> None:
    shell = shell_in(tmp_path)
    try:
        shell.press(f"{wrapper} {command} {' '.join((*SMALL, *OPTIONS))} &\r")
        shell.wait_until(training(tmp_path))
        assert b"\x1b[?1049h" not in shell.received
    finally:
        shell.hang_up()
        assert shell.wait_unread() == -signal.SIGHUP
    wait_for_log(tmp_path, lambda events: isinstance(events[-1], RunFinished))
    assert_trained_undisturbed(only_run(tmp_path), only_run(undisturbed))


def shell_in(folder: Path) -> Terminal:
    """A shell with job control in a terminal of its own."""
    return Terminal(started(["/bin/bash", "--norc", "-i"], folder, os.environ | {"TERM": "xterm-256color"}), (100, 30))


def ticks(stat: str) -> int:
    """Processor time of a thread in hundredths of a second."""
    fields = Path(stat).read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def wait_for_log(folder: Path, condition: Callable[[list[Event]], bool]) -> None:
    """Wait until the log tells something, without reading the terminal."""
    wait_until(lambda: (events := log_of(folder)) and condition(events))


def assert_still_open(terminal: Terminal) -> None:
    assert terminal.process.poll() is None, "the interface is gone"


@pytest.fixture(autouse=True)
def _nothing_left(tmp_path: Path) -> Iterator[None]:
    """Ends what a failed test left running."""
    yield
    for lease in tmp_path.glob("runs/*/lease.json"):
        pid = int(lease.read_text().partition('"pid"')[2].strip(": ").partition(",")[0])
        os.kill(pid, signal.SIGKILL)
