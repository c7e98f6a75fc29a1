"""Whatever cannot be used is refused in one line, with the right exit code, and leaves no trace."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.unit.cli.evaluation_commands import Command
from tui_vae.evaluation import memory as evaluation_memory
from tui_vae.resource_limits import MemoryLimit
from tui_vae.training import memory as training_memory

Run = Callable[..., Any]


def assert_refused(done: Any, code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("tui-vae: ")
    assert done.stderr.rstrip("\n").isprintable()
    for word in words:
        assert word in done.stderr


@pytest.fixture
def run_in_folder(run_here: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in the test's folder and in this process: another one would have to load torch first."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> CompletedProcess[str]:
        done = run_here(*arguments)
        return CompletedProcess(arguments, done.code, done.out, done.err)

    return run


def contents(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs", "0"], ["--epochs", "at least 1"]),
        (["--epochs", "-3"], ["--epochs", "at least 1"]),
        (["--epochs", "many"], ["--epochs"]),
        (["--epochs"], ["--epochs"]),
        (["--batch-size", "0"], ["--batch-size"]),
        (["--batch-size", "-128"], ["--batch-size"]),
        (["--zdim", "0"], ["--zdim"]),
        (["--zdim", "-1"], ["--zdim"]),
        (["--val-size", "-1"], ["--val-size"]),
        (["--train-size", "0"], ["--train-size"]),
        (["--train-size", "-5"], ["--train-size"]),
        (["--threads", "0"], ["--threads"]),
        (["--lr", "0"], ["--lr"]),
        (["--lr", "inf"], ["--lr"]),
        (["--sigma", "0"], ["--sigma"]),
        (["--sigma", "-1"], ["--sigma"]),
        (["--sigma", "nan"], ["--sigma"]),
        (["--sigma", "small"], ["--sigma", "learned"]),
        (["--dataset", "cifar"], ["--dataset", "mnist", "fashion-mnist", "'cifar'"]),
        (["--device", "tpu"], ["--device", "cpu", "'tpu'"]),
        (["--model", "a=", "--model", "a=3"], ["--model", "'a'", "its own name"]),
        (["--model", "a=12x"], ["--model", "whole numbers"]),
        (["--model", "a=0"], ["--model", "a:"]),
        (["--model", "a=-4"], ["--model", "a:"]),
        (["--model", "a"], ["--model", "NAME=WIDTHS"]),
        (["--model", "=12"], ["1 to 64 characters"]),
        (["--model", "../up=12"], ["name"]),
        (["--model", "a/b=12"], ["path separator"]),
        (["--model", "red\x1b[31m=12"], [r"\x1b"]),
        (["--model", "two\nlines=12"], [r"\n"]),
        (["--name", "a/b"], ["--name", "path separator"]),
        (["--name", ".."], ["--name"]),
        (["--name", "red\x1b[31m"], ["--name", r"\x1b"]),
        (["--name", ""], ["--name"]),
        (["--runs-dir", ""], ["--runs-dir"]),
        (["runs", "--open"], ["--open needs a terminal"]),
        (["runs", "--open", "--json"], ["--open can be combined with --runs-dir"]),
        (["runs", "--open", "--ascii", "--fps", "4"], ["--open needs a terminal"]),
        (["runs", "--open", "--theme", "loud"], ["--theme is one of"]),
        (["runs", "--theme", "dark"], ["add --open"]),
        (["--fps", "0"], ["--fps"]),
        (["--color", "sometimes"], ["--color", "always"]),
        (["--json", "--quiet"], ["--json", "--quiet"]),
        (["--epoks", "3"], ["--epoks", "--epochs", "--help"]),
        (["--red\x1b[31m"], ["--help"]),
        (["trian"], ["trian", "--help"]),
        (["[bold]x[/]"], ["[bold]x[/]"]),
    ],
    ids=lambda value: " ".join(value).encode("unicode_escape").decode() if isinstance(value, list) else None,
)
def test_wrong_use_is_refused_before_anything_happens(
    run_in_folder: Run, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    assert_refused(run_in_folder(*arguments), 2, *words)
    assert contents(tmp_path) == []


def test_the_installed_command_refuses_alike(run_in: Run, tmp_path: Path) -> None:
    assert_refused(run_in(tmp_path, "--epochs", "0"), 2, "--epochs", "at least 1")
    assert contents(tmp_path) == []


def test_a_device_that_is_not_there_is_refused(run_in_folder: Run, tmp_path: Path) -> None:
    assert_refused(run_in_folder("--no-ui", "--device", "cuda:99"), 2, "cuda:99", "--device cpu")
    assert contents(tmp_path) == []


def test_more_images_than_there_are_are_refused(run_in_folder: Run, tmp_path: Path) -> None:
    assert_refused(run_in_folder("--json", "--train-size", "60000"), 2, "--train-size", "--val-size", "55,000")
    assert contents(tmp_path) == []


def test_a_data_set_that_is_not_there_is_refused(run_in_folder: Run, tmp_path: Path) -> None:
    done = run_in_folder("--no-ui", "--dataset", "fashion-mnist", "--data-dir", "my data")
    assert_refused(done, 3, "fashion-mnist", "my data", "--download")
    assert contents(tmp_path) == []


def test_a_damaged_data_set_is_refused(run_in_folder: Run, tmp_path: Path) -> None:
    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for split in ("train", "t10k"):
        for what in ("images-idx3", "labels-idx1"):
            (raw / f"{split}-{what}-ubyte").write_bytes(b"\0\0\x08\x03 damaged")
            (raw / f"{split}-{what}-ubyte.gz").write_bytes(gzip.compress(b"damaged")[:-3])
    before = contents(tmp_path)
    done = run_in_folder("--no-ui", "--dataset", "fashion-mnist")
    assert_refused(done, 3, "fashion-mnist", "train-images-idx3-ubyte: not an IDX file", "--download")
    assert contents(tmp_path) == before


def test_a_runs_directory_that_cannot_be_made_is_refused(run_in_folder: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = run_in_folder("--no-ui", "--train-size", "256", "--runs-dir", "file/[bold]runs[/]")
    assert_refused(done, 4, "file/[bold]runs[/]", "--runs-dir")
    assert contents(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_the_debug_option_adds_the_traceback(run_in: Run, tmp_path: Path) -> None:
    done = run_in(tmp_path, "--debug", "--epochs", "0")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("tui-vae: --epochs")


SMALL = (
    "--no-ui",
    "--quiet",
    "--device",
    "cpu",
    "--precision",
    "fp32",
    "--train-size",
    "300",
    "--val-size",
    "100",
    "--epochs",
    "1",
)


def test_what_a_container_has_no_memory_for_is_refused_before_there_is_a_run(
    run_in_folder: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = MemoryLimit("this container", 600_000_000, 0)
    for module in (evaluation_memory, training_memory):
        monkeypatch.setattr(module, "tightest_memory_limit", lambda: limit)
    monkeypatch.setattr(evaluation_memory, "memory_of_this_process", lambda: 400_000_000)
    allowed = "this container allows 600,000,000, of which 0 are taken"
    big = run_in_folder(*SMALL, "--model", "big=8000,8000")
    assert_refused(big, 2, "training needs about 7,", "for the steps of big", allowed)
    assert_refused(run_in_folder(*SMALL), 2, "the evaluation after training needs", allowed, "give --no-evaluate")
    assert contents(tmp_path) == []
    assert run_in_folder(*SMALL, "--no-evaluate", "--name", "small").returncode == 0
    taken = run_in_folder(*SMALL, "--no-evaluate", "--name", "Small")
    assert_refused(taken, 4, "a run named 'Small' exists", "choose another --name")
    again = ("--no-ui", "--resume", "small", "--epochs", "2")
    assert_refused(run_in_folder(*again, "--evaluate"), 2, "the evaluation", allowed)
    assert run_in_folder(*again).returncode == 0


STARVED = """
import atexit, os, sys
from tui_vae.cli import app
from tui_vae.app.signals import StopSignals
def without_memory(signals):
    raise MemoryError
app._invoke = without_memory
atexit.register(os.abort)  # as threads of a library do that were never joined
sys.exit(app.run(StopSignals()))
"""


def test_want_of_memory_is_reported_in_one_line_whatever_libraries_do_at_the_end(
    python_in: Callable[..., Any], tmp_path: Path
) -> None:
    assert_refused(python_in(tmp_path, STARVED), 1, "not enough memory", "ulimit -v")
