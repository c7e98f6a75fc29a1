"""A run whose folder a person renames, moves or deletes while it trains, and one whose writer might live elsewhere."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.faulty_runs import SMALL, FaultyTraining
from tests.faults.same_training import course
from tests.fork_client import Child, ForkServer
from tests.unit.run_store.leases import elsewhere, put
from tui_vae.events import Notice, RunFinished
from tui_vae.run_store import read_log

EPOCHS = 6
OPTIONS = [*SMALL, "--epochs", str(EPOCHS), "--checkpoint-every", "0.02", "--name", "otter"]
RESUME = ["--no-ui", "--quiet", "--no-evaluate", "--resume"]


@pytest.fixture
def training(fork_server: ForkServer, tmp_path: Path) -> FaultyTraining:
    return FaultyTraining(fork_server, tmp_path / "runs")


@pytest.fixture
def suspended(training: FaultyTraining) -> Callable[..., tuple[Child, Path]]:
    """Start a slow run, and stop its process when both models have left checkpoints and pictures."""

    def begin(epochs: int = EPOCHS) -> tuple[Child, Path]:
        writer = training.start(*OPTIONS, "--epochs", str(epochs), slow_until=str(quickly(training)))
        wait_for(lambda: len(list(training.folder.glob("*-otter/models/*/latest.json"))) == 2)
        # The next picture is an epoch of slow steps away: none is being written when the process stops.
        wait_for(lambda: len(list(training.folder.glob("*-otter/samples/*/epoch-0001.png"))) == 2)
        writer.suspend()
        assert writer.poll() is None
        return writer, training.run("otter")

    return begin


def quickly(training: FaultyTraining) -> Path:
    """The file that ends the slowness of a run that has begun."""
    return training.folder.with_name("quickly")


def go_on(writer: Child, training: FaultyTraining) -> None:
    quickly(training).touch()
    writer.send_signal(signal.SIGCONT)


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def assert_whole(run: Path) -> None:
    """All of a finished run is in its folder, and nothing that was only for its writing."""
    assert (run / "config.json").exists()
    for model in ("linear", "deep"):
        assert course(run, model)["epoch"] == EPOCHS
        assert len(list((run / "samples" / model).iterdir())) == EPOCHS + 1
    assert isinstance(list(read_log(run / "events.jsonl"))[-1], RunFinished)
    assert not [path for path in run.rglob("*") if path.name.startswith((".", "lease"))]


@pytest.mark.parametrize("where", ["20200101-000000-lynx", "../elsewhere"])
def test_a_run_that_is_renamed_or_moved_goes_on_where_it_is(
    suspended: Callable[..., tuple[Child, Path]], training: FaultyTraining, where: str
) -> None:
    writer, run = suspended()
    there = training.folder / where
    run.rename(there)
    go_on(writer, training)
    assert writer.wait() == 0, training.output()
    assert not run.exists()
    assert_whole(there)
    assert training.output().count(f"the run's folder was moved from {run} to ") == 1
    assert f"run kept in {there.resolve()}" in training.output()
    moved = [event for event in read_log(there / "events.jsonl") if isinstance(event, Notice)]
    assert ["was moved" in event.text for event in moved] == [True]


def test_so_does_one_whose_runs_folder_is_renamed(
    suspended: Callable[..., tuple[Child, Path]], training: FaultyTraining
) -> None:
    writer, run = suspended()
    there = training.folder.with_name("kept")
    training.folder.rename(there)
    go_on(writer, training)
    assert writer.wait() == 0, training.output()
    assert not training.folder.exists()
    assert_whole(there / run.name)


def test_a_run_that_is_deleted_stops_and_is_not_made_again(
    suspended: Callable[..., tuple[Child, Path]], training: FaultyTraining
) -> None:
    writer, run = suspended(epochs=100_000)
    shutil.rmtree(run)
    go_on(writer, training)
    assert writer.wait() == 4, training.output()
    assert list(training.folder.iterdir()) == []
    lines = [line for line in training.output().splitlines() if "deleted" in line]
    assert [line.split(" was ")[1] for line in lines[:1]] == [
        "deleted: nothing of the run can be kept any more; training stops"
    ]
    assert lines[1:] == ["nothing is left of the run: its folder was deleted", training.output().splitlines()[-1]]
    assert lines[-1].startswith("tui-vae: training stopped: ")
    assert "--resume" not in training.output()


def test_folders_of_a_run_that_are_deleted_are_made_again(
    suspended: Callable[..., tuple[Child, Path]], training: FaultyTraining
) -> None:
    writer, run = suspended()
    for name in ("models", "samples"):
        (run / name).rename(training.folder.with_name(name))
    go_on(writer, training)
    assert writer.wait() == 0, training.output()
    for model in ("linear", "deep"):
        assert course(run, model)["epoch"] == EPOCHS
        assert (run / "samples" / model / f"epoch-{EPOCHS:04d}.png").exists()


def test_a_log_that_is_deleted_is_said_and_what_is_recommended_works(
    suspended: Callable[..., tuple[Child, Path]], training: FaultyTraining
) -> None:
    writer, run = suspended()
    (run / "events.jsonl").unlink()
    go_on(writer, training)
    assert writer.wait() == 4
    assert "the run log cannot be written (it was deleted); training continues" in training.output()
    assert f"--resume {run}" in training.output().splitlines()[-1]
    assert training.train(*RESUME, str(run)) == 0, training.output()


def test_a_run_that_is_being_deleted_is_written_no_more(
    suspended: Callable[..., tuple[Child, Path]], training: FaultyTraining
) -> None:
    """``rm -r`` takes file by file, and would find the folder not empty at its end."""
    writer, run = suspended(epochs=100_000)
    (run / "config.json").unlink()
    shutil.rmtree(run / "samples")
    go_on(writer, training)
    assert writer.wait() == 4
    assert training.output().splitlines()[-1].startswith(f"tui-vae: training stopped: {run} was deleted")
    assert "--resume" not in training.output()
    assert not list(run.glob("samples/*/*"))
    assert not (run / "lease.json").exists()


def test_a_writer_that_might_live_elsewhere_is_waited_for_and_the_wait_can_be_left(
    suspended: Callable[..., tuple[Child, Path]], training: FaultyTraining
) -> None:
    writer, run = suspended(epochs=100_000)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    put(run / "lease.json", elsewhere())
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    second = training.start(*RESUME, "otter")
    wait_for(training.output)
    assert training.output() == (
        "tui-vae: waiting 15 s for a heartbeat from host gpubox, pid 17; Ctrl-C leaves the run as it is\n"
    )
    second.send_signal(signal.SIGINT)
    assert second.wait() == 130
    assert training.output().splitlines()[1:] == ["tui-vae: stopped by SIGINT"]
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_one_that_gives_a_sign_of_life_then_is_not_displaced(
    suspended: Callable[..., tuple[Child, Path]], training: FaultyTraining
) -> None:
    writer, run = suspended(epochs=100_000)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    other = elsewhere()
    put(run / "lease.json", other)
    second = training.start(*RESUME, "otter")
    wait_for(training.output)
    put(run / "lease.json", elsewhere(token=other.token, beat=1))
    assert second.wait() == 4
    assert "is being written by host gpubox, pid 17 (last heartbeat 0 s ago)" in training.output().splitlines()[-1]
