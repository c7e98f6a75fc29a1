"""``tui-vae watch STUDY`` as text, on studies that another process left or goes on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.evaluation_commands import Command
from tests.unit.evaluated_study import evaluated_study
from tui_vae.app.study import planning
from tui_vae.app.study.planning import StudyFollower, StudyRequest, plan_study
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.study import write_study


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def test_a_finished_study_is_a_table(folder: Path, run_here: Command) -> None:
    evaluated_study(folder / "runs", seeds=1)
    done = run_here("watch", "trend", "--no-ui")
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines() if line.strip()]
    assert lines[0] == "study trend: 8 trials, 8 finished, 1 at once"
    assert lines[3].startswith("a-sigma0.2-seed0 a= 0.2 0 finished 7/7")
    assert lines[-1].startswith("kept in ")


def test_it_stands_among_the_runs(folder: Path, run_here: Command) -> None:
    evaluated_study(folder / "runs", seeds=2, without=lambda trial: trial.seed == 1)
    lines = [" ".join(line.split()) for line in run_here("runs").out.splitlines() if line.strip()]
    assert lines[2].startswith("trend stopped – study: 8 of 16 trials")
    record = json.loads(run_here("runs", "--json").out)
    assert (record["name"], record["study"]) == ("trend", {"finished": 8, "trials": 16})


def test_one_that_nobody_runs_says_what_goes_on(
    folder: Path, run_here: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui_vae.cli.watch.SECONDS_BETWEEN_LOOKS", 0.01)
    evaluated_study(folder / "runs", seeds=2, without=lambda trial: trial.seed == 1)
    done = run_here("watch", "trend", "--json")
    assert done.code == 130
    assert done.err == "tui-vae: no process runs the study trend; continue it with: tui-vae study trend\n"
    records = [json.loads(line) for line in done.out.splitlines()]
    assert [record["event"] for record in records] == ["study_started", "study_finished"]
    assert records[-1]["states"] == {"finished": 8, "waiting": 8}


def test_a_study_that_grows_and_trains_is_followed(folder: Path) -> None:
    directory = evaluated_study(folder / "runs", seeds=1)
    follower = StudyFollower(directory)
    assert follower.over
    assert not follower.running
    lease = Lease.acquire(directory.as_run)
    try:
        _, grown, _ = plan_study(StudyRequest("trend", folder / "runs", {"seeds": 2}, {}))
        write_study(directory, grown)
        assert len(follower.look()) == 16
        assert follower.running
        assert not follower.over
    finally:
        lease.release()
    for _ in range(planning._LOOKS_WITHOUT_WRITER):
        assert not follower.over
        follower.look()
    assert follower.over
