"""A signal that asks to stop, at any moment: exit code 130, no traceback, and no run or a whole one."""

from __future__ import annotations

import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.fork_client import PipedChild
from tui_vae.events import Event, RunFinished, State
from tui_vae.run_store import read_log

Start = Callable[..., "subprocess.Popen[str]"]
StartLoaded = Callable[..., PipedChild]
SIGNALS = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM}
WARNINGS = {"SIGUSR1": signal.SIGUSR1, "SIGUSR2": signal.SIGUSR2, "SIGXCPU": signal.SIGXCPU}
ENDLESS = ["--json", "--epochs", "1000000", "--model", "linear=", "--model", "deep=64"]


def wait_until_signals_are_taken_over(process: subprocess.Popen[str]) -> None:
    """Return when the program has its own handler of SIGTERM, which it takes over last."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        time.sleep(1)
        return
    bit = 1 << (signal.SIGTERM - 1)
    while process.poll() is None:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
        if int(caught.split()[1], 16) & bit:
            return
        time.sleep(0.002)
    pytest.fail("ended by itself")


def assert_stopped_cleanly(code: int, stderr: str, runs: Path, whole_run: Callable[..., list[Event]]) -> None:
    assert code == 130, stderr
    assert "Traceback" not in stderr
    assert stderr.count("\n") <= 1
    if runs.exists() and list(runs.iterdir()):
        events = whole_run(runs.name)
        assert isinstance(events[-1], RunFinished)
        assert events[-1].status == "stopped"


@pytest.mark.parametrize(
    "earliest", [0.0, 2.0, *(pytest.param(seconds, marks=pytest.mark.long) for seconds in (0.05, 0.5, 1.0, 3.0))]
)
def test_a_signal_at_any_moment_stops_cleanly(
    start: Start, tmp_path: Path, whole_run: Callable[..., list[Event]], earliest: float
) -> None:
    """Two processes at once, one for each signal, from the first instructions to the middle of training."""
    processes = {name: start(*ENDLESS, "--runs-dir", name) for name in SIGNALS}
    for process in processes.values():
        wait_until_signals_are_taken_over(process)
    delay = earliest * random.uniform(1, 1.4)
    time.sleep(delay)
    for name, process in processes.items():
        process.send_signal(SIGNALS[name])
    for name, process in processes.items():
        _, stderr = process.communicate(timeout=120)
        try:
            assert_stopped_cleanly(process.returncode, stderr, tmp_path / name, whole_run)
        except AssertionError as error:
            raise AssertionError(f"{name} after {delay:.3f} s") from error


def test_a_signal_while_training_stops_every_model_and_says_why(
    start_loaded: StartLoaded, whole_run: Callable[..., list[Event]]
) -> None:
    signals = SIGNALS | WARNINGS
    processes = {name: start_loaded(*ENDLESS, "--runs-dir", name) for name in signals}
    for name, process in processes.items():
        wait_until_both_train(process)
        process.send_signal(signals[name])
    for name, process in processes.items():
        rest, stderr = process.communicate()
        assert process.returncode == 130
        assert "Traceback" not in stderr
        ends = [e for e in whole_run(name) if isinstance(e, State) and e.state == "stopped"]
        assert {e.model: e.reason for e in ends} == {"linear": f"by {name}", "deep": f"by {name}"}
        assert '"event":"run_finished","status":"stopped"' in rest.splitlines()[-1]


def wait_until_both_train(process: PipedChild) -> None:
    assert process.stdout is not None
    running = 0
    while running < 2:
        running += '"state":"running"' in process.stdout.readline()


def test_a_warning_that_is_repeated_cuts_nothing_short(
    start_loaded: StartLoaded, tmp_path: Path, whole_run: Callable[..., list[Event]]
) -> None:
    process = start_loaded(*ENDLESS)
    wait_until_both_train(process)
    for _ in range(1000):
        if process.poll() is None:
            process.send_signal(signal.SIGUSR1)
    _, stderr = process.communicate()
    assert_stopped_cleanly(process.wait(), stderr, tmp_path / "runs", whole_run)
    assert {e.reason for e in whole_run() if isinstance(e, State) and e.state == "stopped"} == {"by SIGUSR1"}


def test_a_limit_of_processor_time_stops_it_while_it_still_can(
    start_loaded: StartLoaded, tmp_path: Path, whole_run: Callable[..., list[Event]]
) -> None:
    """The system warns at the soft limit, every second, and kills at the hard one."""
    process = start_loaded(*ENDLESS)
    wait_until_both_train(process)
    taken = psutil.Process(process.pid).cpu_times()
    resource.prlimit(process.pid, resource.RLIMIT_CPU, (int(taken.user + taken.system) + 1, 120))
    _, stderr = process.communicate()
    assert_stopped_cleanly(process.wait(), stderr, tmp_path / "runs", whole_run)
    assert {e.reason for e in whole_run() if isinstance(e, State) and e.state == "stopped"} == {"by SIGXCPU"}


def test_a_warning_that_the_caller_ignores_is_ignored(start: Start) -> None:
    """As in a script after ``trap '' USR1``."""
    process = start(*ENDLESS, preexec_fn=lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN))
    wait_until_signals_are_taken_over(process)
    process.send_signal(signal.SIGUSR1)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "SIGUSR1" not in stderr


def test_an_impatient_user_gets_away_with_a_readable_log(start_loaded: StartLoaded, tmp_path: Path) -> None:
    process = start_loaded(*ENDLESS)
    assert process.stdout is not None
    for line in process.stdout:
        if '"event":"epoch"' in line:
            break
    for _ in range(5):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert len(list(read_log(run / "events.jsonl"))) > 3
