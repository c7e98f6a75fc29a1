"""``tui-vae study`` before anything trains: its list of trials, and what is refused with nothing started."""

from __future__ import annotations

import json
import socket
import sys
import threading
from pathlib import Path

import pytest

from tests.unit.cli.evaluation_commands import Command
from tests.unit.run_store.stored_runs import began
from tui_vae.app.study.planning import StudyRequest, plan_study
from tui_vae.config import ModelSpec
from tui_vae.events import Event, RunFinished, State, encode
from tui_vae.run_store.directory import config_file
from tui_vae.run_store.study import StudyDirectory, make_study_folder, write_study

OPTIONS = ("--model", "a=", "--model", "b=8,4", "--vary", "sigma=0.2,0.5", "--seeds", "2", "--epochs", "7")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def stored(folder: Path, finished: int = 0, seconds: float = 60.0) -> StudyDirectory:
    """The study ``trend`` of ``OPTIONS``, of which some trials are finished, each after so many seconds."""
    models = (ModelSpec("a"), ModelSpec("b", (8, 4)))
    typed = {"models": models, "seeds": 2, "epochs": 7, "no_evaluate": True}
    directory, study, _ = plan_study(StudyRequest("trend", folder / "runs", typed, {"sigma": [0.2, 0.5]}))
    make_study_folder(directory)
    write_study(directory, study)
    for trial, config in list(study.configs())[:finished]:
        run = directory.run(trial)
        run.path.mkdir()
        run.config.write_bytes(config_file(config))
        end = RunFinished(t=1000.0 + seconds, status="finished", models=())
        events: list[Event] = [began(trial.id, 1000.0), State(model=trial.model, state="finished"), end]
        run.log.write_text("".join(f"{encode(event)}\n" for event in events), encoding="utf-8")
    return directory


def test_a_dry_run_lists_the_trials_and_writes_nothing(folder: Path, run_here: Command) -> None:
    done = run_here("study", "trend", *OPTIONS, "--dry-run")
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines() if line.strip()]
    assert lines[0] == "trial model sigma seed state epochs time"
    assert lines[2] == "a-sigma0.2-seed0 a= 0.2 0 waiting 0/7 –"
    assert lines[5] == "b-sigma0.5-seed0 b=8,4 0.5 0 waiting 0/7 –"
    assert lines[10].startswith("8 trials, 0 finished")
    assert "no estimate of the time until one is finished" in lines[10]
    assert list(folder.iterdir()) == []


def test_a_dry_run_as_json_is_a_line_a_trial(folder: Path, run_here: Command) -> None:
    done = run_here("study", "trend", *OPTIONS, "--dry-run", "--json")
    records = [json.loads(line) for line in done.out.splitlines()]
    assert [record["event"] for record in records] == ["trial"] * 8 + ["study"]
    assert records[3]["trial"] == "b-sigma0.5-seed0"
    assert records[3]["settings"] == {"sigma": 0.5}
    assert records[-1]["states"] == {"waiting": 8}


def test_the_time_is_estimated_from_the_trials_that_are_finished(folder: Path, run_here: Command) -> None:
    stored(folder, finished=4)
    done = run_here("study", "trend", "--dry-run", "--json")
    records = [json.loads(line) for line in done.out.splitlines()]
    assert records[-1]["states"] == {"finished": 4, "waiting": 4}
    assert [record["estimated_seconds"] for record in records[:-1]] == [60.0] * 8
    assert records[-1]["seconds_left"] == pytest.approx(4 * 60.0 / records[-1]["at_once"])


def test_a_study_file_and_the_command_line_give_one_study(folder: Path, run_here: Command) -> None:
    (folder / "study.toml").write_text("epochs = 3\nseeds = 5\n[models]\na = []\n[vary]\nsigma = [0.2, 0.5]\n")
    done = run_here("study", "trend", "--file", "study.toml", "--seeds", "1", "--dry-run", "--json")
    records = [json.loads(line) for line in done.out.splitlines()]
    assert [record.get("trial") for record in records] == ["a-sigma0.2-seed0", "a-sigma0.5-seed0", None]
    assert records[0]["epochs"] == 3


def test_a_finished_study_is_shown_and_nothing_is_started(
    folder: Path, run_here: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(folder, finished=8)
    monkeypatch.setitem(sys.modules, "ray", None)
    done = run_here("study", "trend", *OPTIONS, "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out.splitlines()[-1])["states"] == {"finished": 8}


def test_without_ray_a_line_says_what_to_install(
    folder: Path, run_here: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    run_here("study", "trend", *OPTIONS).refused(2, "pip install 'tui-vae[ray]'")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--vary", "sigma"), "--vary takes NAME=VALUE"),
        (("--vary", "colour=red"), "--vary takes one of zdim"),
        (("--sigma", "0.5", "--vary", "sigma=0.2"), "--sigma is given as fixed and by --vary"),
        (("--seeds", "0"), "--seeds is a whole number"),
        (("--device", "cuda:1"), "give --device cuda"),
        (("--file", "none.toml"), "cannot be read"),
        (("--address", "somewhere"), "--address is HOST:PORT of a Ray cluster, or auto"),
        (("--address", "ray://head:10001"), "--address is HOST:PORT of a Ray cluster, or auto"),
        (("--storage", "s3://bucket/runs"), "--storage is a folder that every node sees"),
        (("--gpus-per-trial", "1.5"), "a fraction of a GPU, or a whole number of them"),
        (("--gpus-per-trial", "-1"), "--gpus-per-trial is a number of at least 0"),
        (("--gpus-per-trial", "nan"), "--gpus-per-trial is a number of at least 0"),
        (("--json", "--quiet"), "cannot be combined"),
    ],
)
def test_wrong_use_is_refused_and_nothing_is_started(
    folder: Path, run_here: Command, arguments: tuple[str, ...], words: str
) -> None:
    run_here("study", "trend", *arguments).refused(2, words)
    assert list(folder.iterdir()) == []


def test_a_name_that_another_study_has_is_refused(folder: Path, run_here: Command) -> None:
    directory = stored(folder)
    before = directory.file.read_bytes()
    run_here("study", "trend", *OPTIONS, "--lr", "0.1").refused(2, "--lr 0.1 would make another study of trend")
    assert directory.file.read_bytes() == before
    assert [path.name for path in directory.path.iterdir()] == ["study.json"]


def test_a_cluster_that_cannot_be_reached_is_refused(folder: Path, run_here: Command) -> None:
    pytest.importorskip("ray")
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        cluster = ("--address", address, "--storage", "runs")
        run_here("study", "trend", *OPTIONS, *cluster).refused(2, "no cluster can be reached there")
    assert list(folder.iterdir()) == []


def test_a_service_that_is_no_cluster_is_refused_at_once(folder: Path, run_here: Command) -> None:
    pytest.importorskip("ray")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        run_here("study", "trend", *OPTIONS, "--address", address).refused(2, "is no Ray cluster")
    assert list(folder.iterdir()) == []
