"""A run that the interface starts in a process of its own, stops through control, and resumes."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminal.pseudo_terminal import Terminal
from tui_vae.config.form_parser import FIELDS
from tui_vae.events import ModelStarted, RunFinished, State
from tui_vae.run_store import read_log
from tui_vae.run_store.find import runs_in
from tui_vae.run_store.heartbeat import read_lease, writer_pid

Spawn = Callable[..., Terminal]

SMALL = {"models": "a=8", "epochs": "20000", "val_size": "200", "train_size": "256", "name": "otter"}
DOWN = "\x1b[B"


@pytest.fixture
def runs_dir(tmp_path: Path) -> Iterator[Path]:
    """Where runs are kept; what still trains there when the test is over is ended."""
    yield tmp_path / "runs"
    for run in runs_in(tmp_path / "runs"):
        pid = writer_pid(run)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


def test_a_run_is_set_up_started_stopped_and_resumed(spawn_loaded: Spawn, runs_dir: Path) -> None:
    terminal = spawn_loaded(runs_dir.parent, "runs", "--open", size=(100, 30))
    terminal.wait_until("no runs in runs yet")
    terminal.press("n")
    terminal.wait_until("a new run")
    for name in FIELDS:
        terminal.press(SMALL.get(name, ""), DOWN)
    terminal.wait_until("tui-vae --model a=8 --epochs 20000")
    terminal.press("\x13")  # ctrl+s
    terminal.wait_until(lambda: "otter" in terminal.text and "running" in terminal.text)
    (run,) = runs_in(runs_dir)
    assert run.name == "otter"
    lease = read_lease(run)
    assert lease is not None
    assert os.getsid(lease.pid) != os.getsid(terminal.pid)
    terminal.press("S")
    terminal.wait_until("Stop training?")
    terminal.press("s")
    terminal.wait_until(lambda: "stopped" in terminal.text.splitlines()[0])
    terminal.wait_until(lambda: read_lease(run) is None)
    terminal.press("0")
    terminal.wait_until("enter open")
    terminal.wait_until(lambda: re.search(r"▸ +otter +stopped", terminal.text))
    terminal.press("r")
    terminal.wait_until(lambda: "▶ running" in terminal.text)
    terminal.press("S")
    terminal.wait_until("Stop training?")
    terminal.press("s")
    terminal.wait_until(lambda: sum(isinstance(event, RunFinished) for event in read_log(run.log)) == 2)
    terminal.press("q")
    assert terminal.exit_code() == 0
    terminal.assert_left_as_found()
    events = list(read_log(run.log))
    assert {event.reason for event in events if isinstance(event, State) and event.state == "stopped"} == {"on request"}
    first, second = (event.resumed_at_step for event in events if isinstance(event, ModelStarted))
    assert first is None
    assert second is not None
