"""What is asked of the cluster, and how a study ends, with a cluster whose trials end as the test says."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tui_vae.app.signals import StopSignals
from tui_vae.app.study import driver
from tui_vae.app.study.cluster import Needs, Node
from tui_vae.app.study.driver import run_study
from tui_vae.app.study.planning import StudyRequest
from tui_vae.app.study.trial import TrialJob, TrialOutcome
from tui_vae.config import ModelSpec
from tui_vae.errors import DataError, RunStoreError, TuiVaeError
from tui_vae.headless.study import JsonStudyOutput
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.requests import send_request
from tui_vae.run_store.study import find_study, read_study

TYPED = {"models": (ModelSpec("a"), ModelSpec("b", (4,))), "no_evaluate": True}


class ScriptedCluster:
    """Ends its trials in order, one a look, with the code that the script has for each; or stopped."""

    def __init__(self, codes: dict[str, int], *, remote: bool = False) -> None:
        self.remote = remote
        self.codes = codes
        self.jobs: list[TrialJob] = []
        self.needs: Needs | None = None
        self.cancelled: set[str] = set()
        self.kept_in: Path | None = None
        self.seen: Path | None = None
        self.at_each_look: Callable[[], None] = lambda: None

    def nodes(self) -> list[Node]:
        return [Node("0", "here", 2.0, 0.0)]

    def check(self, needs: Needs, device: str) -> int:
        return 2

    def check_storage(self, folder: Path) -> None:
        self.seen = folder

    def keep_in(self, folder: Path) -> None:
        self.kept_in = folder

    def submit(self, jobs: Sequence[TrialJob], needs: Needs) -> None:
        self.jobs, self.needs = list(jobs), needs

    @property
    def unfinished(self) -> int:
        return len(self.jobs)

    def wait(self, seconds: float) -> list[TrialOutcome]:
        self.at_each_look()
        id = self.jobs.pop(0).id
        code = 130 if id in self.cancelled else self.codes.get(id, 0)
        return [TrialOutcome(id, code, f"code {code}" if code in (2, 3, 4) else None)]

    def cancel(self, id: str | None = None) -> None:
        self.cancelled |= {job.id for job in self.jobs if id in (None, job.id)}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the study ``trend`` on a cluster."""

    def run(
        cluster: ScriptedCluster,
        *,
        storage: Path | None = None,
        address: str | None = None,
        signals: StopSignals | None = None,
        **typed: Any,
    ) -> int:
        @contextlib.contextmanager
        def given(request: StudyRequest) -> Iterator[ScriptedCluster]:
            yield cluster

        monkeypatch.setattr(driver, "_cluster", given)
        monkeypatch.setattr(StopSignals, "install", lambda self: None)
        request = StudyRequest("trend", tmp_path, {**TYPED, **typed}, {}, address, storage)
        return run_study(request, JsonStudyOutput(), signals or StopSignals())

    return run


def test_every_trial_is_handed_to_the_cluster_once_and_in_order(study: Callable[..., int], tmp_path: Path) -> None:
    cluster = ScriptedCluster({})
    submitted: list[TrialJob] = []
    cluster.at_each_look = lambda: submitted.extend(cluster.jobs if not submitted else [])
    assert study(cluster, seeds=2, threads=2) == 0
    assert [job.id for job in submitted] == ["a-seed0", "b-seed0", "a-seed1", "b-seed1"]
    assert {job.study for job in submitted} == {str(tmp_path / "trend")}
    assert submitted[3].config["models"] == [{"name": "b", "hidden": [4]}]
    assert submitted[3].config["seed"] == 1
    assert cluster.needs == Needs(2, 0.0)
    assert cluster.kept_in is None
    found = find_study(tmp_path, "trend")
    assert found is not None
    assert len(read_study(found).trials) == 4
    assert not found.as_run.lease.exists()


def test_a_model_that_fails_ends_its_trial_and_no_other(study: Callable[..., int], capsys: Any) -> None:
    cluster = ScriptedCluster({"a-seed0": 1})
    assert study(cluster, seeds=2) == 1
    assert cluster.cancelled == set()
    assert capsys.readouterr().err == ""


def test_a_trial_that_cannot_be_used_is_told_and_the_others_go_on(study: Callable[..., int], capsys: Any) -> None:
    assert study(ScriptedCluster({"b-seed0": 2})) == 2
    assert capsys.readouterr().err == "tui-vae: b-seed0: code 2\n"


@pytest.mark.parametrize(("code", "kind"), [(3, DataError), (4, RunStoreError)])
def test_what_every_trial_would_meet_stops_all_and_says_how_to_go_on(
    study: Callable[..., int], code: int, kind: type[TuiVaeError]
) -> None:
    cluster = ScriptedCluster({"a-seed0": code})
    with pytest.raises(kind, match=f"a-seed0: code {code}; all trials are stopped, and the same command continues"):
        study(cluster, seeds=2)
    assert cluster.cancelled == {"b-seed0", "a-seed1", "b-seed1"}


def test_a_watcher_stops_one_trial(study: Callable[..., int], tmp_path: Path) -> None:
    cluster = ScriptedCluster({})

    def ask() -> None:
        directory = find_study(tmp_path, "trend")
        assert directory is not None
        control = directory.as_run.control
        if not control.exists():
            send_request(directory.as_run, "stop", "a-seed1")
        end = time.monotonic() + 30
        while list(control.iterdir()) and time.monotonic() < end:  # the lease's thread takes it within half a second
            time.sleep(0.02)

    cluster.at_each_look = ask
    assert study(cluster, seeds=2) == 130
    assert cluster.cancelled == {"a-seed1"}


def test_a_signal_stops_every_trial(study: Callable[..., int], capsys: Any) -> None:
    cluster = ScriptedCluster({})
    signals = StopSignals()
    cluster.at_each_look = lambda: signals.answer("SIGINT")
    assert study(cluster, signals=signals, seeds=2) == 130
    assert cluster.cancelled == {"b-seed0", "a-seed1", "b-seed1"}
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert records[-1]["event"] == "study_finished"


def test_a_reader_that_leaves_ends_the_output_and_not_the_study(
    study: Callable[..., int], tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(self: JsonStudyOutput, *shown: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(JsonStudyOutput, "show", closed)
    before = os.dup(1)
    try:
        assert study(ScriptedCluster({})) == 0
    finally:
        os.dup2(before, 1)
        os.close(before)
    said = capfd.readouterr().err
    assert said == f"tui-vae: the output was closed; training continues; the run is kept in {tmp_path / 'trend'}\n"


def test_a_study_that_another_process_runs_is_refused(study: Callable[..., int], tmp_path: Path) -> None:
    assert study(ScriptedCluster({})) == 0
    directory = find_study(tmp_path, "trend")
    assert directory is not None
    lease = Lease.acquire(directory.as_run)
    try:
        with pytest.raises(RunStoreError, match="trend is being written by"):
            study(ScriptedCluster({}))
    finally:
        lease.release()


def test_a_cluster_without_shared_storage_sends_back_what_it_trains(study: Callable[..., int], tmp_path: Path) -> None:
    cluster = ScriptedCluster({}, remote=True)
    assert study(cluster, address="head:1") == 0
    assert cluster.kept_in == tmp_path / "trend"
    assert cluster.seen is None


def test_with_shared_storage_every_node_must_see_it(study: Callable[..., int], tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    cluster = ScriptedCluster({}, remote=True)
    assert study(cluster, address="head:1", storage=shared) == 0
    assert (cluster.kept_in, cluster.seen) == (None, shared)
    assert find_study(shared, "trend") is not None
    assert find_study(tmp_path, "trend") is None
