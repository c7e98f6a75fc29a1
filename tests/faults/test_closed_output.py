"""An output that goes away or cannot be written ends the output, never the training."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.nursing import TalkingChild
from tui_vae.events import Event, RunFinished

Start = Callable[..., "subprocess.Popen[str]"]
StartLoaded = Callable[..., TalkingChild]
Whole = Callable[..., "list[Event]"]


def assert_trained_to_the_end(process: subprocess.Popen[str] | TalkingChild, whole_run: Whole) -> None:
    assert process.returncode == 0
    last = whole_run()[-1]
    assert isinstance(last, RunFinished)
    assert last.status == "finished"


def test_training_goes_on_when_the_reader_of_a_pipe_leaves(start_loaded: StartLoaded, whole_run: Whole) -> None:
    process = start_loaded("--json", "--epochs", "20", "--model", "deep=64")
    head = subprocess.Popen(["head", "-n", "1"], stdin=process.stdout, stdout=subprocess.PIPE, encoding="utf-8")
    assert process.stdout is not None
    process.stdout.close()
    first, _ = head.communicate(timeout=120)
    assert process.stderr is not None
    stderr = process.stderr.read()
    process.wait()
    assert '"event":"run_started"' in first
    assert_trained_to_the_end(process, whole_run)
    assert stderr.count("\n") == 1, stderr
    assert "training goes on" in stderr
    assert "runs/" in stderr


def test_training_goes_on_when_the_reader_of_both_streams_leaves(start: Start, whole_run: Whole) -> None:
    """As with ``tui-vae --no-ui 2>&1 | head -1``."""
    process = start("--no-ui", "--epochs", "20", "--model", "deep=64", stderr=subprocess.STDOUT)
    assert process.stdout is not None
    assert "run " in process.stdout.readline()
    process.stdout.close()
    process.wait(timeout=120)
    assert_trained_to_the_end(process, whole_run)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("choice", ["--no-ui", "--json"])
def test_training_goes_on_when_the_output_is_a_file_on_a_full_disk(
    start_loaded: StartLoaded, whole_run: Whole, choice: str
) -> None:
    with open("/dev/full", "w") as full:
        process = start_loaded(choice, "--epochs", "3", "--model", "deep=64", stdout=full)
        _, stderr = process.communicate()
    assert "Traceback" not in stderr
    assert_trained_to_the_end(process, whole_run)
    assert stderr.count("\n") >= 1
    assert all(line.startswith("tui-vae: ") for line in stderr.splitlines())


@pytest.mark.parametrize(("descriptor", "choice"), [(1, "--no-ui"), (2, "--json")])
def test_training_goes_on_without_a_stream(start: Start, whole_run: Whole, descriptor: int, choice: str) -> None:
    """As some supervisors start their children, and a shell with ``>&-``."""
    process = start(choice, "--epochs", "1", "--model", "deep=64", preexec_fn=lambda: os.close(descriptor))
    _, stderr = process.communicate(timeout=120)
    assert "Traceback" not in stderr
    assert_trained_to_the_end(process, whole_run)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("choice", ["--help", "--version"])
def test_help_that_cannot_be_written_is_told_in_one_line(start: Start, choice: str) -> None:
    with open("/dev/full", "w") as full:
        process = start(choice, stdout=full)
        _, stderr = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "Traceback" not in stderr
    assert stderr.count("\n") == 1
