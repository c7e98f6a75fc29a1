"""A study on a real Ray of this machine: a worker is killed, the study is stopped and goes on, and no bit differs."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.faulty_runs import FaultyTraining
from tests.faults.ray_nodes import ENVIRONMENT, Nodes
from tests.faults.same_training import assert_same_training
from tui_vae.run_store.study import find_study, read_study

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")

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
            env=os.environ | ENVIRONMENT,
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


def assert_bits_of_plain_runs(training: FaultyTraining, name: str, *options: str) -> None:
    """Assert that every trial of a study is what the command trains without a study."""
    study = find_study(training.folder, name)
    assert study is not None
    for trial in read_study(study).trials:
        own = ("--name", f"plain-{trial.id}", "--model", MODELS[trial.model], "--seed", str(trial.seed))
        assert training.train("--no-ui", "--quiet", *own, "--zdim", "3", *options, *HARDWARE) == 0, training.output()
        assert_same_training(study.run(trial).path, training.run(f"plain-{trial.id}"))


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

    assert_bits_of_plain_runs(training, "trend", *SIZES)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_nodes_are_killed_again_and_again_in_mid_trial_and_no_bit_differs(
    training: FaultyTraining, start_study: Callable[..., subprocess.Popen[str]], pytestconfig: pytest.Config
) -> None:
    """Without shared storage: what nodes train is sent to the machine that runs the study."""
    sizes = ("--no-evaluate", "--train-size", "6000", "--val-size", "100", "--batch-size", "32", "--epochs", "120")
    name, kills, generator = "nodes", max(10, pytestconfig.getoption("--kills")), random.Random(0)
    models = [word for model in MODELS.values() for word in ("--model", model)]
    folder = training.folder / name
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as place, Nodes(Path(place)) as nodes:
        nodes.add()
        nodes.add()
        nodes.wait()
        command = ("study", name, *sizes, *HARDWARE, *models, "--vary", "zdim=3", "--seeds", "3", "--json")
        study = start_study(*command, "--address", nodes.address)
        killed = 0
        while killed < kills and study.poll() is None:
            before = logged(folder)
            time.sleep(generator.uniform(2.5, 6.0))
            if logged(folder) > before:  # something trains
                nodes.kill(generator.randrange(len(nodes.nodes)))
                nodes.add()
                killed += 1
        out, errors = study.communicate(timeout=1200)
    assert study.returncode == 0, (out, errors)
    assert killed == kills, f"it was over after {killed} kills"
    assert json.loads(out.splitlines()[-1])["states"] == {"finished": 6}
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == sorted(
        f"{model}-zdim3-seed{seed}" for model in MODELS for seed in range(3)
    )
    assert_bits_of_plain_runs(training, name, *sizes)


def logged(folder: Path) -> int:
    return sum(log.stat().st_size for log in folder.glob("*/events.jsonl"))
