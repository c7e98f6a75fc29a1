"""The process that draws charts is killed repeatedly: training is unchanged, and charts are drawn again."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.faulty_runs import SMALL
from tests.faults.same_training import assert_same_training
from tests.fork_client import ForkServer
from tests.terminal.pseudo_terminal import PATIENCE, Terminal
from tui_vae.charts.drawer import DEATHS
from tui_vae.events import Checkpoint, Notice, Progress
from tui_vae.run_store import read_log

KILLS = 4
SECONDS_TO_LIVE = 0.5
"""At most: in half of that it has begun and draws, as a rule."""

TRAINING = [*SMALL[2:], "--epochs", "25", "--seed", "3", "--name", "otter"]
TIMES = {"t", "seconds", "images_per_second", "adler32"}
AT_TIMES = {Progress.event, Checkpoint.event}
DRAWN = re.compile("[\u2801-\u28ff]")
"""Dots of a curve."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are looked up in /proc")


Train = Callable[..., Terminal]


@pytest.fixture
def train(fork_server: ForkServer, environment: dict[str, str], tmp_path: Path) -> Iterator[Train]:
    """Start a training in the interface, slow until there is a file ``go on``, with optional faults."""
    terminals: list[Terminal] = []

    def train(**faults: Any) -> Terminal:
        faults |= {"folder": tmp_path, "env": environment, "terminal": True, "slow_until": str(tmp_path / "go on")}
        begin = functools.partial(fork_server.start, TRAINING, **faults)
        terminals.append(Terminal(lambda end: begin(streams=(end, end, end)), (140, 45)))
        return terminals[-1]

    yield train
    for terminal in terminals:
        terminal.close()


def drawing(parent: int) -> set[int]:
    """Return the child processes that draw charts."""
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    found = set()
    for child in {child for task in tasks for child in task.read_text().split()}:
        with contextlib.suppress(OSError):
            if b"tui_vae.charts.process" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.add(int(child))
    return found


def events_without_times(run: Path) -> list[dict[str, Any]]:
    """Return the events of a log by model and kind, without times and what depends on them."""
    lines = (run / "events.jsonl").read_bytes().splitlines()
    events = [json.loads(line, object_hook=without_times) for line in lines]
    steady = [event for event in events if event["event"] not in AT_TIMES]
    return sorted(steady, key=lambda event: (event.get("model") or "", event["event"]))


def without_times(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in TIMES}


def next_to_kill(terminal: Terminal, killed: set[int]) -> int:
    """Wait for a drawing process that was not killed yet, and return its id."""
    terminal.wait_until(lambda: drawing(terminal.pid) - killed)
    (pid,) = drawing(terminal.pid) - killed
    return pid


def test_killing_the_drawing_process_changes_no_bit_of_training(
    train: Train, fork_server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> None:
    terminal = train(deaths=2 * KILLS)
    chance = random.Random(5)
    killed: set[int] = set()
    while len(killed) < KILLS:
        pid = next_to_kill(terminal, killed)
        end = time.monotonic() + chance.uniform(0, SECONDS_TO_LIVE)
        while time.monotonic() < end:
            terminal.read(0.02)
        os.kill(pid, signal.SIGKILL)
        killed.add(pid)
    (run,) = (tmp_path / "runs").iterdir()
    assert b'"run_finished"' not in (run / "events.jsonl").read_bytes()
    (tmp_path / "go on").touch()
    terminal.wait_until(lambda: terminal.text.count("✓ finished") == 2)
    terminal.press("y")  # which draws charts again, should the last kills have met those of the end
    terminal.wait_until(lambda: " log " in terminal.text and DRAWN.search(terminal.text))
    (last,) = drawing(terminal.pid)
    terminal.press("q")
    assert terminal.exit_code() == 0
    assert not Path(f"/proc/{last}").exists()

    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    assert fork_server.run([*SMALL[:2], *TRAINING], undisturbed, environment).returncode == 0
    (other,) = (undisturbed / "runs").iterdir()
    assert_same_training(run, other)
    assert events_without_times(run) == events_without_times(other)
    assert not any(isinstance(event, Notice) for event in read_log(run / "events.jsonl"))


def test_a_drawing_process_that_always_dies_is_reported_in_the_panels_and_the_log(train: Train, tmp_path: Path) -> None:
    terminal = train()
    killed: set[int] = set()
    for _ in range(DEATHS):
        killed.add(pid := next_to_kill(terminal, killed))
        os.kill(pid, signal.SIGKILL)
    terminal.wait_until("no curves for a minute")
    (run,) = (tmp_path / "runs").iterdir()
    terminal.wait_until(lambda: b"no curves for a minute" in (run / "events.jsonl").read_bytes())
    assert drawing(terminal.pid) == set()
    (tmp_path / "go on").touch()
    terminal.wait_until(lambda: terminal.text.count("✓ finished") == 2)
    (notice,) = [event for event in read_log(run / "events.jsonl") if isinstance(event, Notice)]
    assert notice.text == f"no curves for a minute: what draws them ended {DEATHS} times (Killed)"


def test_a_training_without_the_interface_has_no_process_that_draws(
    fork_server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> None:
    with open(os.devnull, "r+") as nowhere:
        child = fork_server.start(
            [*SMALL[:2], *TRAINING],
            folder=tmp_path,
            env=environment,
            streams=[nowhere.fileno()] * 3,
            slow_until=str(tmp_path / "go on"),
        )
    end = time.monotonic() + PATIENCE
    while not any(b'"progress"' in log.read_bytes() for log in tmp_path.glob("runs/*/events.jsonl")):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert drawing(child.pid) == set()
    child.send_signal(signal.SIGTERM)
    assert child.wait() == 130
