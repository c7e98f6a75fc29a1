"""An evaluation changes no bit of the training, and ends with the process that trains."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.same_training import assert_same_training, course
from tests.fork_client import ForkServer, PipedChild
from tests.short_chains import short_chains
from tests.unit.cli.trained_runs import small_config, trained_run
from tui_vae.app import evaluation_process
from tui_vae.app.run_setup import prepare
from tui_vae.app.session import Session
from tui_vae.config import EvaluationConfig, StoreConfig
from tui_vae.events import (
    Evaluation,
    EvaluationFinished,
    EvaluationProgress,
    Event,
    Progress,
    RunFinished,
    RunStarted,
    State,
    decode,
)
from tui_vae.run_store import RunDirectory, read_log
from tui_vae.run_store.find import find_run
from tui_vae.run_store.requests import send_request

EPOCHS, BATCH_SIZE = 24, 16
QUICK = EvaluationConfig(metrics=("elbo", "precision"), samples=100, device="cpu")
ENDLESS = EvaluationConfig(metrics=("iwae",), iwae_samples=100_000_000, device="cpu")
TOO_SMALL = EvaluationConfig(metrics=("iwae",), iwae_samples=10, memory=1e-6, device="cpu")

SMALL = [
    *("--json", "--device", "cpu", "--threads", "1", "--train-size", "256", "--val-size", "100", "--zdim", "4"),
    *("--epochs", "2", "--model", "linear=", "--model", "deep=16", "--name", "otter"),
]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return trained_run(tmp_path_factory.mktemp("undisturbed"), "otter", epochs=EPOCHS, batch_size=BATCH_SIZE)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, fork_server: ForkServer) -> None:
    """The evaluating process has torch loaded already."""
    monkeypatch.setattr(evaluation_process, "_COMMAND", fork_server.python_module("tui_vae.app.evaluation_worker"))


@pytest.fixture(autouse=True)
def _short_chains() -> Iterator[None]:
    with short_chains():
        yield


def session_in(folder: Path, *, evaluate: bool) -> Session:
    config = small_config(epochs=EPOCHS, batch_size=BATCH_SIZE, no_evaluate=not evaluate)
    return prepare(config, lambda text: None).start(StoreConfig(runs_dir=str(folder), name="otter"))


def wait_for(session: Session, kind: type[Event], model: str | None = None) -> None:
    end = time.monotonic() + 100
    while not any(
        isinstance(event, kind) and model in (None, getattr(event, "model", None)) for event in session.poll()
    ):
        assert time.monotonic() < end, f"waited in vain for {kind.event}"
        time.sleep(0.002)


def test_an_evaluation_in_the_middle_leaves_every_bit_of_training_as_it_is(
    undisturbed: RunDirectory, loaded: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_process, "EvaluationConfig", lambda device: {"cpu": QUICK}[device])
    session = session_in(tmp_path, evaluate=False)
    wait_for(session, Progress, "linear")
    assert session.evaluate() is None
    assert session.evaluate() == evaluation_process.STARTING
    # Its process takes longer to begin than this training: one model waits, so that it is met in its middle.
    session.pause("linear")
    wait_for(session, EvaluationFinished)
    session.resume("linear")
    assert session.close() == 0
    run = find_run(tmp_path, "otter")
    steps = {event.model: event.step for event in read_log(run.log) if isinstance(event, Evaluation)}
    assert 0 < steps["linear"] < course(run.path, "linear")["step"] == EPOCHS * 256 // BATCH_SIZE
    assert steps["deep"] > 0
    assert_same_training(run.path, undisturbed.path)


@pytest.mark.long
def test_an_evaluation_at_the_end_leaves_every_bit_of_training_as_it_is(
    undisturbed: RunDirectory, loaded: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_process, "EvaluationConfig", lambda device: {"cpu": QUICK}[device])
    session = session_in(tmp_path, evaluate=True)
    assert session.close() == 0
    run = find_run(tmp_path, "otter")
    assert_same_training(run.path, undisturbed.path)
    assert not any(isinstance(event, Evaluation) for event in read_log(undisturbed.log))
    events = list(read_log(run.log))
    kinds = [type(event) for event in events]
    assert kinds[-1] is RunFinished
    assert kinds[-2] is EvaluationFinished
    # All models have ended before the first of them is evaluated.
    assert kinds.index(EvaluationProgress) > max(i for i, event in enumerate(events) if isinstance(event, State))
    results = [event for event in events if isinstance(event, Evaluation)]
    assert [(event.model, event.epoch) for event in results] == [("linear", EPOCHS), ("deep", EPOCHS)]


def test_a_request_to_stop_ends_the_evaluation_at_the_end(
    loaded: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_process, "EvaluationConfig", lambda device: ENDLESS)
    session = session_in(tmp_path, evaluate=True)
    wait_for(session, EvaluationProgress)
    run = find_run(tmp_path, "otter")
    send_request(run, "stop", None)
    assert session.close() == 0  # training has finished
    *_, evaluated, finished = read_log(run.log)
    assert isinstance(evaluated, EvaluationFinished)
    assert (evaluated.status, evaluated.reason) == ("stopped", "on request")
    assert isinstance(finished, RunFinished)
    assert finished.status == "finished"


Start = Callable[..., PipedChild]


@pytest.fixture
def start(fork_server: ForkServer, tmp_path: Path) -> Iterator[Start]:
    """Start the command with one of the evaluations above; kill what is left after the test."""
    started: list[PipedChild] = []
    env = os.environ | {"TUI_VAE_RUNS": str(tmp_path)}

    def start(evaluation: EvaluationConfig, *arguments: str) -> PipedChild:
        started.append(fork_server.start_piped(arguments, folder=tmp_path, env=env, evaluation=evaluation.to_json()))
        return started[-1]

    yield start
    for process in started:
        process.close()


def events_until(process: PipedChild, holds: Callable[[Event], bool]) -> list[Event]:
    """Return the events of the command up to the first one that satisfies a condition."""
    assert process.stdout is not None
    events = []
    for line in process.stdout:
        events.append(decode(line))
        if holds(events[-1]):
            return events
    raise AssertionError(f"it ended before: {process.communicate()[1]}")


def measures(event: Event) -> bool:
    return isinstance(event, EvaluationProgress) and event.doing.startswith("IWAE")


def children(pid: int) -> set[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


def gone(pid: int) -> bool:
    """Whether a process has ended, perhaps as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGUSR1, marks=pytest.mark.long)], ids=lambda number: number.name
)
def test_a_signal_during_the_evaluation_at_the_end_stops_only_the_evaluation(
    start: Start, number: signal.Signals
) -> None:
    process = start(ENDLESS, *SMALL)
    events = events_until(process, measures)
    for pid in (*children(process.pid), process.pid):  # as a batch system does: the evaluation's process is not to die
        os.kill(pid, number)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    events += map(decode, out.splitlines())
    evaluated, finished = events[-2:]
    assert isinstance(evaluated, EvaluationFinished)
    assert (evaluated.status, evaluated.reason) == ("stopped", f"by {number.name}")
    assert isinstance(finished, RunFinished)
    assert finished.status == "finished"


def test_a_failed_evaluation_at_the_end_is_the_last_message_and_sets_the_exit_code(
    start: Start, tmp_path: Path
) -> None:
    quiet = ["--no-ui", "--quiet", *SMALL[1:]]
    process = start(TOO_SMALL, *quiet)
    _, err = process.communicate()
    assert process.returncode == 1
    *_, evaluated, finished = read_log(find_run(tmp_path, "otter").log)
    assert isinstance(evaluated, EvaluationFinished)
    assert isinstance(finished, RunFinished)
    assert (evaluated.status, finished.status) == ("failed", "finished")
    assert err.splitlines()[-1] == (
        f"tui-vae: training finished, but the evaluation failed: {evaluated.reason}; "
        f"tui-vae evaluate {find_run(tmp_path, 'otter').path} does it again"
    )


def test_results_that_cannot_be_stored_set_the_exit_code(start: Start, tmp_path: Path) -> None:
    process = start(QUICK, *SMALL)
    events_until(process, lambda event: isinstance(event, RunStarted))
    (find_run(tmp_path, "otter").path / "evaluation").write_text("in the way")
    _, err = process.communicate()
    assert process.returncode == 4
    assert "the results of linear, deep could not be kept" in err.splitlines()[-1]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the children of a process are looked up in /proc")
@pytest.mark.long
def test_an_evaluation_ends_with_the_killed_training_and_is_repeated_on_resume(start: Start, tmp_path: Path) -> None:
    process = start(ENDLESS, *SMALL)
    events_until(process, measures)
    evaluating = children(process.pid)
    assert len(evaluating) == 1
    process.send_signal(signal.SIGKILL)
    process.wait()
    end = time.monotonic() + 60
    while not all(map(gone, evaluating)):
        assert time.monotonic() < end, "the evaluation goes on for nobody"
        time.sleep(0.05)
    resumed = start(QUICK, "--json", "--resume", "otter")
    _, err = resumed.communicate()
    assert resumed.returncode == 0, err
    events = list(read_log(find_run(tmp_path, "otter").log))
    second = events[max(i for i, event in enumerate(events) if isinstance(event, RunStarted)) :]
    assert {event.model for event in second if isinstance(event, Evaluation)} == {"linear", "deep"}
    assert isinstance(second[-2], EvaluationFinished)
    assert second[-2].status == "finished"
    assert isinstance(second[-1], RunFinished)
