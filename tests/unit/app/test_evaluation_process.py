"""The evaluation process: one at a time, with a final event whatever happens to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fork_client import ForkServer
from tests.unit.cli.trained_runs import DEEP, LINEAR, trained_run
from tui_vae.app import evaluation_process as evaluator_module
from tui_vae.app.evaluation_process import STARTING, Evaluator, Job
from tui_vae.app.output_capture import OutputCapture
from tui_vae.app.session import CheckpointWaiter
from tui_vae.config import EvaluationConfig
from tui_vae.events import (
    Checkpoint,
    CheckpointKind,
    Evaluation,
    EvaluationFinished,
    EvaluationProgress,
    Event,
    ModelStatus,
    State,
)
from tui_vae.run_store import RunDirectory, read_log
from tui_vae.run_store.evaluations import read_evaluation
from tui_vae.run_store.lease import Lease

SMALL = EvaluationConfig(metrics=("elbo", "precision"), samples=100, device="cpu")
PROGRESS = '{"v":1,"t":0,"event":"evaluation_progress","doing":"x","model":null,"done":0.5,"seconds_left":null}'
FOR_EVER = "import sys, time; print(PROGRESS, flush=True); time.sleep(600)".replace("PROGRESS", repr(PROGRESS))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return trained_run(tmp_path_factory.mktemp("runs"), "otter")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator_module, "EvaluationConfig", lambda **of: replace(SMALL, **of))


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, fork_server: ForkServer) -> None:
    """The evaluating process has torch loaded already."""
    monkeypatch.setattr(evaluator_module, "_COMMAND", fork_server.python_module("tui_vae.app.evaluation_worker"))


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets Python code run in the place of the evaluating process."""

    def instead(code: str) -> None:
        monkeypatch.setattr(evaluator_module, "_COMMAND", (sys.executable, "-S", "-c", code))

    return instead


class Watched:
    """An evaluator, its events, and a way to wait for them."""

    def __init__(self, run: RunDirectory, *, own: bool = False) -> None:
        self.events: list[Event] = []
        self._told = threading.Condition()
        self.evaluator = Evaluator(lambda: run, self._take, own=own)

    def _take(self, event: Event) -> None:
        with self._told:
            self.events.append(event)
            self._told.notify_all()

    def wait_for_first(self) -> None:
        with self._told:
            assert self._told.wait_for(lambda: self.events, 60)

    def to_the_end(self, models: tuple[str, ...] = ()) -> EvaluationFinished:
        """Start, wait, and return the last event, the only one that tells the end."""
        assert self.evaluator.start(models, threads=1) is None
        self.evaluator.wait()
        assert not self.evaluator.busy
        return self.the_end()

    def the_end(self) -> EvaluationFinished:
        ends = [event for event in self.events if isinstance(event, EvaluationFinished)]
        assert len(ends) == 1
        assert self.events[-1] is ends[0]
        return ends[0]


@pytest.fixture
def watched(run: RunDirectory) -> Iterator[Watched]:
    watched = Watched(run)
    yield watched
    watched.evaluator.cancel("the test is over")
    watched.evaluator.wait()


def test_events_arrive_in_order_and_what_was_measured_is_kept(run: RunDirectory, watched: Watched) -> None:
    log = run.log.read_bytes()
    end = watched.to_the_end((LINEAR.name, DEEP.name))
    assert (end.status, end.reason) == ("finished", None)
    assert end.verdict is not None
    assert end.verdict.baseline == "linear"
    assert isinstance(watched.events[0], EvaluationProgress)
    results = [event for event in watched.events if isinstance(event, Evaluation)]
    assert [event.model for event in results] == ["linear", "deep"]
    shares = [event.done for event in watched.events if isinstance(event, EvaluationProgress)]
    assert shares == sorted(shares)
    for event in results:
        kept = read_evaluation(run, event.model)
        assert kept is not None
        assert kept.result == event
    assert run.log.read_bytes() == log  # the writer of the run logs the events


def test_an_evaluation_on_its_own_logs_itself_and_lets_the_run_go(run: RunDirectory, loaded: None) -> None:
    watched = Watched(run, own=True)
    assert watched.evaluator.start((DEEP.name,), threads=1) is None
    watched.evaluator.wait()
    assert watched.events == []
    events = [event for event in read_log(run.log) if isinstance(event, (Evaluation, EvaluationFinished))]
    assert isinstance(events[-2], Evaluation)
    assert isinstance(events[-1], EvaluationFinished)
    assert (events[-2].model, events[-1].status, events[-1].verdict) == ("deep", "finished", None)
    assert not run.lease.exists()


def test_an_evaluation_on_its_own_of_a_run_that_is_being_written_is_refused(run: RunDirectory, loaded: None) -> None:
    lease = Lease.acquire(run)
    end = Watched(run, own=True).to_the_end()
    lease.release()
    assert end.status == "failed"
    assert "is being written by" in (end.reason or "")


def test_why_nothing_can_be_measured_is_reported(tmp_path: Path, loaded: None) -> None:
    end = Watched(RunDirectory(tmp_path, "nothing")).to_the_end()
    assert end.status == "failed"
    assert str(tmp_path) in (end.reason or "")


def test_a_cancelled_evaluation_ends_at_once_and_says_why(watched: Watched, instead: Callable[[str], None]) -> None:
    instead(FOR_EVER)
    assert watched.evaluator.start((), threads=1) is None
    watched.wait_for_first()
    assert watched.evaluator.busy
    began = time.monotonic()
    watched.evaluator.cancel("by SIGTERM")
    watched.evaluator.cancel("too late")
    watched.evaluator.wait()
    assert time.monotonic() - began < 60  # and not the 600 seconds that it would have taken
    assert (watched.the_end().status, watched.the_end().reason) == ("stopped", "by SIGTERM")


def test_one_that_is_cancelled_before_its_process_is_there_never_gets_one(
    watched: Watched, instead: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    instead("raise AssertionError")
    cancelled = threading.Event()
    assert watched.evaluator.start((), threads=1, before=cancelled.wait) is None
    watched.evaluator.cancel("enough")
    monkeypatch.setattr(subprocess, "Popen", None)
    cancelled.set()
    watched.evaluator.wait()
    assert (watched.the_end().status, watched.the_end().reason) == ("stopped", "enough")


def test_one_at_a_time(watched: Watched, instead: Callable[[str], None]) -> None:
    instead(FOR_EVER)
    assert watched.evaluator.start((), threads=1) is None
    assert watched.evaluator.start((), threads=1) == STARTING
    watched.evaluator.cancel("enough")
    watched.evaluator.wait()
    watched.events.clear()
    instead(f"print({PROGRESS!r})")
    assert watched.to_the_end().status == "failed"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "its process died (Killed)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "its process died (Segmentation fault)"),
        ("raise SystemExit(1)", "its process ended without a message"),
        ("raise SystemExit('first\\nnot enough\\nmemory')", "memory"),
        (f"print({PROGRESS!r})", "its process ended without a message"),
        ("import os; os.close(0); os.write(1, b'\\xff\\xfe\\x00 {\\n' * 9)", "its process ended without a message"),
    ],
)
def test_a_process_that_dies_is_reported_with_a_reason(
    watched: Watched, instead: Callable[[str], None], code: str, reason: str
) -> None:
    instead(code)
    end = watched.to_the_end(("a name that does not fit into a pipe" * 10_000,))
    assert (end.status, end.reason, end.verdict) == ("failed", reason, None)


def test_no_folder_for_temporary_files_is_needed(
    watched: Watched, instead: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(os, "memfd_create"):
        pytest.skip("this system has no files in memory")

    def refused() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", refused)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", refused)
    instead("import sys; sys.exit('no luck')")
    assert watched.to_the_end().reason == "no luck"
    with OutputCapture() as stray:
        os.write(1, b"noise")
        assert stray.take(at_end=True) == "noise"


def test_a_process_that_cannot_be_started_is_reported(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator_module, "_COMMAND", ("/nowhere/python",))
    end = watched.to_the_end()
    assert (end.status, end.reason) == ("failed", "its process cannot be started (No such file or directory)")


def test_the_process_ends_when_nobody_wants_its_result_any_more(run: RunDirectory, loaded: None) -> None:
    """Its parent's death closes its input as well."""
    process = subprocess.Popen(
        evaluator_module._COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stdin is not None
    assert process.stdout is not None
    long = EvaluationConfig(metrics=("iwae",), iwae_samples=1_000_000, device="cpu")
    process.stdin.write(Job(str(run.path), (), long.to_json(), 1, False).to_line())
    process.stdin.flush()
    for line in process.stdout:
        if json.loads(line)["doing"].startswith("IWAE"):
            break
    process.stdin.close()
    assert process.wait(60) == 130
    process.stdout.close()


def test_it_computes_on_the_device_that_is_asked_for_and_takes_no_module_from_the_folder_of_the_user(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('this is not yours')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert watched.evaluator.start((), threads=1, device="cuda:77") is None
    watched.evaluator.wait()
    assert "cuda:77" in (watched.the_end().reason or "")
    assert os.getcwd() == str(tmp_path)


def state(model: str, state: ModelStatus) -> State:
    return State(model=model, state=state)


def checkpoint(model: str, kind: CheckpointKind = "latest") -> Checkpoint:
    return Checkpoint(model=model, epoch=1, step=1, file="", kind=kind)


def test_newest_checkpoints_are_awaited_of_models_that_run() -> None:
    newest = CheckpointWaiter()
    assert newest.wait(0)
    for name in ("a", "b", "c", "d"):
        newest(state(name, "running"))
    newest(state("d", "paused"))
    newest(checkpoint("a"))  # before it was asked for
    newest.expect()
    assert not newest.wait(0)
    newest(checkpoint("a"))
    newest(checkpoint("b", "best"))
    assert not newest.wait(0)
    newest(checkpoint("b"))
    newest(state("c", "finished"))  # a model that ends has saved before
    assert newest.wait(0)
    newest(state("e", "running"))
    assert newest.wait(0)
    newest.expect()
    threading.Timer(0.05, lambda: [newest(checkpoint(name)) for name in ("a", "b", "e")]).start()
    assert newest.wait(60)
