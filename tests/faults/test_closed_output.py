"""An output that goes away or cannot be written ends the output, never the training."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fork_client import PipedChild
from tui_vae.events import Event, RunFinished

Start = Callable[..., "subprocess.Popen[str]"]
StartLoaded = Callable[..., PipedChild]
RunTo = Callable[..., "subprocess.CompletedProcess[str]"]
Whole = Callable[..., "list[Event]"]


def assert_trained_to_the_end(process: subprocess.Popen[str] | PipedChild, whole_run: Whole) -> None:
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
    assert "training continues" in stderr
    assert "runs/" in stderr


def test_training_goes_on_when_the_reader_of_both_streams_leaves(start_loaded: StartLoaded, whole_run: Whole) -> None:
    """As with ``tui-vae --no-ui 2>&1 | head -1``."""
    reading, writing = os.pipe()
    with open(reading) as output, open(writing, "w") as both:
        process = start_loaded("--no-ui", "--epochs", "20", "--model", "deep=64", stdout=both, stderr=both)
        both.close()
        assert "run " in output.readline()
    process.wait()
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
    assert "tui-vae: the output cannot be written (No space left on device); training continues" in stderr
    assert all(line.startswith("tui-vae: ") for line in stderr.splitlines())


@pytest.mark.parametrize(("descriptor", "choice"), [(1, "--no-ui"), (2, "--json")])
def test_training_goes_on_without_a_stream(start: Start, whole_run: Whole, descriptor: int, choice: str) -> None:
    """As some supervisors start their children, and a shell with ``>&-``."""
    process = start(choice, "--epochs", "1", "--model", "deep=64", preexec_fn=lambda: os.close(descriptor))
    _, stderr = process.communicate(timeout=120)
    assert "Traceback" not in stderr
    assert_trained_to_the_end(process, whole_run)


PRINT_AND_LEAVE = (
    *(["--help"], ["runs"], ["runs", "--json", "lynx"]),
    *(pytest.param(arguments, marks=pytest.mark.long) for arguments in (["--version"], ["watch", "--help"])),
)


@pytest.fixture
def run_to(environment: dict[str, str], tmp_path: Path) -> RunTo:
    """Run a command that prints and exits, with the given descriptors as its output."""
    lynx = tmp_path / "runs" / "20260101-000000-lynx"
    lynx.mkdir(parents=True)
    (lynx / "events.jsonl").touch()
    (lynx / "config.json").write_text("{}")

    def run(arguments: Sequence[str], stdout: int, stderr: int, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tui_vae", *arguments],
            cwd=tmp_path,
            env=environment | env,
            stdout=stdout,
            stderr=stderr,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", PRINT_AND_LEAVE, ids=" ".join)
def test_output_that_cannot_be_written_is_an_error_of_one_line(
    run_to: RunTo, arguments: list[str], unbuffered: str
) -> None:
    with open("/dev/full", "w") as full:
        done = run_to(arguments, full.fileno(), subprocess.PIPE, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 1
    assert done.stderr == "tui-vae: the output cannot be written (No space left on device)\n"


@pytest.mark.parametrize("arguments", PRINT_AND_LEAVE, ids=" ".join)
def test_a_reader_that_has_left_is_no_failure(run_to: RunTo, arguments: list[str]) -> None:
    """As with ``tui-vae --help | head -1``."""
    with closed_pipe() as pipe:
        done = run_to(arguments, pipe, subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["--no-such"], 2), (["runs", "swan"], 4)], ids=str)
def test_the_exit_code_is_the_same_when_nobody_reads_anything(run_to: RunTo, arguments: list[str], code: int) -> None:
    with closed_pipe() as pipe:
        assert run_to(arguments, pipe, pipe).returncode == code


@contextmanager
def closed_pipe() -> Iterator[int]:
    """The end of a pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)
