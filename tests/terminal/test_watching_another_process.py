"""A run that one process trains, watched and controlled by others in terminals of their own."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fork_client import ForkServer
from tests.terminal.pseudo_terminal import Terminal
from tui_vae.events import Checkpoint, Event, ModelStarted, Progress, Request, RunFinished, State
from tui_vae.run_store.tail import LogTail

Spawn = Callable[..., Terminal]


class Training:
    """A long training in another process, and its events so far."""

    def __init__(self, fork_server: ForkServer, environment: dict[str, str], folder: Path) -> None:
        small = ["--train-size", "256", "--val-size", "200", "--zdim", "4", "--threads", "1", "--device", "cpu"]
        with open(os.devnull, "r+") as nowhere:
            self.process = fork_server.start(
                [*small, "--model", "a=8", "--epochs", "20000", "--no-ui", "--no-evaluate", "--name", "otter"],
                folder=folder,
                env=environment,
                streams=[nowhere.fileno()] * 3,
                slow_until=str(folder / "never"),
            )
        self.folder = folder
        self._events: list[Event] = []

    @functools.cached_property
    def log(self) -> Path:
        return next(self.folder.glob("runs/*/events.jsonl"))

    @functools.cached_property
    def _tail(self) -> LogTail:
        return LogTail(self.log)

    @property
    def events(self) -> list[Event]:
        with contextlib.suppress(StopIteration):  # no log yet
            self._events += self._tail.read()
        return self._events

    def until(self, condition: Callable[[list[Event]], object]) -> None:
        end = time.monotonic() + 60
        while not condition(self.events):
            assert time.monotonic() < end, "waited in vain"
            assert self.process.poll() is None, "ended"
            time.sleep(0.05)

    def states(self) -> dict[str, str]:
        return {event.model: event.state for event in self.events if isinstance(event, State)}

    def answers(self) -> list[Request]:
        return [event for event in self.events if isinstance(event, Request)]


@pytest.fixture(scope="module")
def begin(fork_server: ForkServer, environment: dict[str, str]) -> Iterator[Callable[[Path], Training]]:
    """Starts to train in a folder; ends what the tests leave running."""
    begun: list[Training] = []

    def begin(folder: Path) -> Training:
        begun.append(Training(fork_server, environment, folder))
        begun[-1].until(lambda events: any(isinstance(event, Progress) for event in events))
        return begun[-1]

    yield begin
    for training in begun:
        training.process.send_signal(signal.SIGKILL)
        training.process.wait()


@pytest.fixture(scope="module")
def shared(begin: Callable[[Path], Training], tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A training process that no test disturbs."""
    return begin(tmp_path_factory.mktemp("shared"))


def test_a_watcher_in_control_pauses_resumes_saves_and_stops(
    spawn_loaded: Spawn, begin: Callable[[Path], Training], tmp_path: Path
) -> None:
    training = begin(tmp_path)
    watcher = spawn_loaded(tmp_path, "watch", "--control")
    watcher.wait_until("running")
    watcher.press("p")
    watcher.wait_until(lambda: set(training.states().values()) == {"paused"})
    watcher.wait_until(lambda: "paused" in watcher.text.splitlines()[0])
    watcher.press("p")
    watcher.wait_until(lambda: set(training.states().values()) == {"running"})
    saved = sum(isinstance(event, Checkpoint) for event in training.events)
    watcher.press("c")
    watcher.wait_until(lambda: [answer.action for answer in training.answers()].count("checkpoint") == 1)
    watcher.wait_until(lambda: sum(isinstance(event, Checkpoint) for event in training.events) > saved)
    watcher.press("S", "s")
    assert training.process.wait(60) == 130
    watcher.wait_until(lambda: "stopped" in watcher.text.splitlines()[0])
    assert {answer.refused for answer in training.answers()} == {None}
    assert isinstance(training.events[-1], RunFinished)
    watcher.press("q")
    assert watcher.exit_code() == 0
    watcher.assert_left_as_found()
    assert list((training.log.parent / "control").iterdir()) == []


def test_a_watcher_without_control_leaves_and_training_goes_on(spawn_loaded: Spawn, shared: Training) -> None:
    watcher = spawn_loaded(shared.folder, "watch", "otter")
    watcher.wait_until("running")
    watcher.press("p")
    watcher.wait_until("watch --control")
    watcher.press("q")
    assert watcher.exit_code() == 0
    watcher.assert_left_as_found()
    assert shared.answers() == []
    before = len(shared.events)
    shared.until(lambda events: len(events) > before)


def test_ctrl_c_ends_a_text_watcher_alone_and_leaves_the_terminal_as_it_was(spawn: Spawn, shared: Training) -> None:
    watcher = spawn(shared.folder, "watch", "--no-ui")
    watcher.wait_until("img/s")
    watcher.press("ctrl+c")
    assert watcher.exit_code() == 130
    watcher.assert_left_as_found()
    assert shared.process.poll() is None


@pytest.mark.parametrize("arguments", [(), ("--no-ui",)])
def test_a_watcher_ends_with_its_terminal(spawn_loaded: Spawn, shared: Training, arguments: tuple[str, ...]) -> None:
    files = sorted(shared.log.parent.iterdir())
    watcher = spawn_loaded(shared.folder, "watch", *arguments)
    watcher.wait_until("otter")
    watcher.hang_up()
    assert watcher.wait_unread(20) == 130
    assert shared.process.poll() is None
    assert sorted(shared.log.parent.iterdir()) == files


def test_events_are_printed_as_they_were_logged_and_the_reader_may_leave(shared: Training, command: str) -> None:
    watcher = subprocess.Popen([command, "watch", "--json"], cwd=shared.folder, stdout=subprocess.PIPE)
    assert watcher.stdout is not None
    lines = [watcher.stdout.readline() for _ in range(50)]
    logged = shared.log.read_bytes().splitlines(keepends=True)[:50]
    assert lines == [re.sub(rb',"adler32":"[0-9a-f]{8}"}\n$', b"}\n", line) for line in logged]
    assert json.loads(lines[0])["event"] == "run_started"
    watcher.stdout.close()
    assert watcher.wait(20) == 0
    assert shared.process.poll() is None


@pytest.mark.long
def test_a_watcher_tells_of_a_process_that_is_killed_and_of_the_one_that_goes_on(
    spawn: Spawn, begin: Callable[[Path], Training], tmp_path: Path, command: str
) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([command, *arguments], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)

    training = begin(tmp_path)
    watcher = spawn(tmp_path, "watch", size=(120, 30))
    watcher.wait_until("running")
    training.process.send_signal(signal.SIGKILL)
    watcher.wait_until("tui-vae --resume otter")
    assert "killed" in watcher.text.splitlines()[0]
    text = run("watch", "--no-ui")
    assert text.returncode == 1
    assert "resume with: tui-vae --resume otter" in text.stderr
    again = subprocess.Popen(
        [command, "--no-ui", "--no-evaluate", "--resume", "otter"], cwd=tmp_path, stdout=subprocess.DEVNULL
    )
    try:
        watcher.wait_until(lambda: sum(isinstance(event, ModelStarted) for event in training.events) == 2)
        watcher.wait_until(lambda: "killed" not in watcher.text)
        watcher.wait_until("running")
    finally:
        again.terminate()
        assert again.wait(60) == 130
    watcher.wait_until(lambda: "stopped" in watcher.text.splitlines()[0])
    watcher.press("q")
    assert watcher.exit_code() == 0
    whole = run("watch", "--json")
    assert whole.returncode == 130
    assert whole.stdout.encode() == training.log.read_bytes()
