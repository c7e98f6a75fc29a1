"""A study on a real Ray of this machine: a worker is killed, the study is stopped and goes on, and no bit differs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.faulty_runs import FaultyTraining
from tests.faults.same_training import assert_same_training
from tui_vae.run_store.study import find_study, read_study

pytest.importorskip("ray")

SIZES = ("--no-evaluate", "--train-size", "3000", "--val-size", "100", "--batch-size", "32", "--epochs", "30")
HARDWARE = ("--device", "cpu", "--threads", "1", "--checkpoint-every", "0.1")
MODELS = {"linear": "linear=", "deep": "deep=24,16"}
STUDY = ("study", "trend", "--json", *SIZES, "--vary", "zdim=3", *(w for m in MODELS.values() for w in ("--model", m)))
PATIENCE = 120.0


@pytest.fixture
def start_study(training: FaultyTraining) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the installed command on a study; kill what is left after the test."""
    command = shutil.which("tui-vae", path=str(Path(sys.executable).parent))
    assert command is not None
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [command, *arguments, "--runs-dir", str(training.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
            env=os.environ | {"OMP_WAIT_POLICY": "passive"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def workers_that_train(process: subprocess.Popen[str]) -> dict[str, psutil.Process]:
    """The processes that train now, by the name of their trial."""
    found = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            title = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if title.startswith("ray::") and "-seed" in title:
            found[title.removeprefix("ray::").split()[0]] = child
    return found


def listening(process: subprocess.Popen[str]) -> set[str]:
    """The addresses on which the process and its children listen."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    found = set()
    for member in family:
        try:
            connections = member.net_connections(kind="inet")
        except psutil.Error:
            continue
        found |= {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
    return found


def wait_for_epochs(log: Path, at_least: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while not log.exists() or log.read_bytes().count(b'"split":"held_out"') < at_least:
        assert time.monotonic() < end, "it never trained"
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.mark.timeout(300)
def test_a_study_goes_on_after_a_kill_and_after_ctrl_c_with_the_bits_of_plain_runs(
    training: FaultyTraining, start_study: Callable[..., subprocess.Popen[str]]
) -> None:
    folder = training.folder / "trend"
    first = start_study(*STUDY, *HARDWARE)
    log = folder / "deep-zdim3-seed0" / "events.jsonl"
    wait_for_epochs(log, 2, first)
    addresses = listening(first)
    assert addresses
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    workers_that_train(first)["deep-zdim3-seed0"].kill()
    wait_for_epochs(log, 4, first)
    os.killpg(first.pid, signal.SIGINT)  # as the terminal does
    out, errors = first.communicate(timeout=PATIENCE)
    assert first.returncode == 130, (out, errors)
    records = [json.loads(line) for line in out.splitlines()]
    assert records[0]["event"] == "study_started"
    assert records[-1]["event"] == "study_finished"
    assert records[-1]["states"].get("stopped", 0) >= 1

    second = start_study(*STUDY, *HARDWARE)
    out, errors = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, (out, errors)
    assert json.loads(out.splitlines()[-1])["states"] == {"finished": 2}
    assert sorted(path.name for path in folder.iterdir()) == ["deep-zdim3-seed0", "linear-zdim3-seed0", "study.json"]

    study = find_study(training.folder, "trend")
    assert study is not None
    for trial in read_study(study).trials:
        options = (
            "--no-ui",
            "--quiet",
            "--name",
            f"plain-{trial.model}",
            "--model",
            MODELS[trial.model],
            "--zdim",
            "3",
        )
        assert training.train(*options, *SIZES, *HARDWARE) == 0, training.output()
        assert_same_training(study.run(trial).path, training.run(f"plain-{trial.model}"))
