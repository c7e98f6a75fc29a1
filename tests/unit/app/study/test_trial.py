"""A trial begins, goes on or is finished, whichever its folder says. Here it is trained in this process."""

from __future__ import annotations

import _thread
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.same_training import assert_same_training
from tui_vae.app.study import trial as trials
from tui_vae.app.study.trial import TrialJob, TrialOutcome, train_trial
from tui_vae.config import EvaluationConfig, ModelSpec, TrainConfig
from tui_vae.run_store import RunDirectory, read_log
from tui_vae.run_store.directory import config_file
from tui_vae.run_store.evaluations import has_evaluation
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.summary import summarise

CONFIG = TrainConfig(
    models=(ModelSpec("deep", (8,)),),
    zdim=2,
    train_size=256,
    val_size=64,
    batch_size=32,
    epochs=2,
    device="cpu",
    threads=1,
    no_evaluate=True,
)


def job(folder: Path, id: str = "deep-seed0", **changed: Any) -> TrialJob:
    return TrialJob(id, str(folder), id, CONFIG.to_json() | changed)


def run_of(folder: Path, id: str = "deep-seed0") -> RunDirectory:
    return RunDirectory(folder / id, id)


def test_a_trial_begins_and_is_left_alone_once_it_is_finished(tmp_path: Path) -> None:
    assert train_trial(job(tmp_path)) == TrialOutcome("deep-seed0", 0)
    run = run_of(tmp_path)
    assert summarise(run).state == "finished"
    assert next(iter(read_log(run.log))).name == "deep-seed0"
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    assert train_trial(job(tmp_path)) == TrialOutcome("deep-seed0", 0)
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def interrupt_after_an_epoch(run: RunDirectory) -> None:
    """What Ray does to the thread of a task that is cancelled."""
    end = time.monotonic() + 60
    while time.monotonic() < end and not (run.log.exists() and b'"split":"held_out"' in run.log.read_bytes()):
        time.sleep(0.01)
    _thread.interrupt_main()


def test_cancelled_it_stops_after_a_checkpoint_and_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    epochs = 60
    assert train_trial(job(tmp_path / "whole", epochs=epochs)).code == 0
    run = run_of(tmp_path)
    threading.Thread(target=interrupt_after_an_epoch, args=(run,)).start()
    assert train_trial(job(tmp_path, epochs=epochs)) == TrialOutcome("deep-seed0", 130)
    assert summarise(run).state == "stopped"
    assert train_trial(job(tmp_path, epochs=epochs)).code == 0
    assert_same_training(run.path, run_of(tmp_path / "whole").path)


def test_a_folder_that_was_left_before_anything_was_trained_is_begun_anew(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    run.path.mkdir()
    assert train_trial(job(tmp_path)).code == 0
    other = run_of(tmp_path, "other")
    other.path.mkdir()
    other.config.write_bytes(config_file(CONFIG))
    assert train_trial(job(tmp_path, "other")).code == 0
    assert_same_training(other.path, run.path)


def test_a_trial_that_another_process_trains_is_not_touched(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    run.path.mkdir()
    lease = Lease.acquire(run)
    try:
        outcome = train_trial(job(tmp_path))
    finally:
        lease.release()
    assert outcome.code == 4
    assert outcome.message is not None
    assert "is being written by" in outcome.message


def test_a_model_that_diverges_is_a_failure_of_its_trial(tmp_path: Path) -> None:
    assert train_trial(job(tmp_path, lr=1e30)).code == 1
    assert summarise(run_of(tmp_path)).state == "failed"


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"dataset": "kmnist", "data_dir": "/nowhere"}, 3, "kmnist"),
        ({"zdim": 0}, 2, "--zdim"),
        ({"models": [{"name": "own", "hidden": [], "network": {"source": "/none.py"}}]}, 2, "none.py"),
    ],
)
def test_what_cannot_be_trained_is_told_with_its_exit_code(
    tmp_path: Path, changed: dict[str, Any], code: int, words: str
) -> None:
    outcome = train_trial(job(tmp_path, **changed))
    assert outcome.code == code
    assert outcome.message is not None
    assert words in outcome.message
    assert list(tmp_path.iterdir()) == []


def test_a_study_folder_that_is_gone_is_an_error_of_the_store(tmp_path: Path) -> None:
    outcome = train_trial(job(tmp_path / "gone"))
    assert outcome.code == 4
    assert "gone" in str(outcome.message)


def test_a_finished_trial_whose_evaluation_was_stopped_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = EvaluationConfig(samples=60, metrics=("elbo",), device="cpu")
    monkeypatch.setattr(trials, "EvaluationConfig", lambda device: quick)
    assert train_trial(job(tmp_path)).code == 0
    run = run_of(tmp_path)
    assert not has_evaluation(run, "deep")
    assert train_trial(job(tmp_path, no_evaluate=False)).code == 0
    assert has_evaluation(run, "deep")
    assert summarise(run).state == "finished"
