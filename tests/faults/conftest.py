"""Run the installed command in a process of its own, and check the run that it leaves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest

from tests.faults.faulty_runs import FaultyTraining
from tests.fork_client import ForkServer, PipedChild
from tui_vae.events import Event, RunFinished, RunStarted
from tui_vae.run_store import RunDirectory, read_log
from tui_vae.run_store.directory import read_config

SAYS_SOMETHING_ABOUT_OUTPUT = (
    "NO_COLOR",
    "FORCE_COLOR",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
    "COLUMNS",
    "TUI_VAE_RUNS",
)


SMALL = (
    *("--no-evaluate", "--train-size", "256", "--val-size", "200", "--zdim", "4"),
    *("--device", "cpu", "--threads", "1"),
)


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    # A full disk must not meet Python's own caches.
    own = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    return {name: value for name, value in os.environ.items() if name not in SAYS_SOMETHING_ABOUT_OUTPUT} | own


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command in the folder of the test, on few images; kill what is left after the test."""
    command = shutil.which("tui-vae", path=str(Path(sys.executable).parent))
    assert command is not None, "the command tui-vae is not installed beside this Python"
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            [command, *SMALL, *arguments], cwd=tmp_path, env=environment, encoding="utf-8", **(pipes | options)
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def start_loaded(
    fork_server: ForkServer, environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., PipedChild]]:
    """Like ``start``, with torch loaded already: for tests that do not depend on the start of the program."""
    started: list[PipedChild] = []

    def start_loaded(*arguments: str, **streams: TextIO) -> PipedChild:
        started.append(fork_server.start_piped([*SMALL, *arguments], folder=tmp_path, env=environment, **streams))
        return started[-1]

    yield start_loaded
    for process in started:
        process.close()


@pytest.fixture
def whole_run(tmp_path: Path) -> Callable[..., list[Event]]:
    """Check that the only run of the test is complete, and return its events."""

    def read(runs_dir: str = "runs") -> list[Event]:
        (run,) = (tmp_path / runs_dir).iterdir()
        read_config(RunDirectory(run, run.name))
        assert (run / "events.jsonl").read_bytes().endswith(b"\n")
        events = list(read_log(run / "events.jsonl"))
        assert isinstance(events[0], RunStarted)
        assert isinstance(events[-1], RunFinished)
        assert not list(run.rglob("*.part"))
        return events

    return read


@pytest.fixture(scope="module")
def training(fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> FaultyTraining:
    return FaultyTraining(fork_server, tmp_path_factory.mktemp("training") / "runs")
