"""A study as the interface sees it, also of thousands of trials."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.unit.evaluated_study import SIZES, evaluated_study, plateau_at_c
from tui_vae.app.run_library import Library
from tui_vae.app.study import watcher
from tui_vae.app.study.watcher import StudyWatcher
from tui_vae.config import ModelSpec
from tui_vae.config.study import plan
from tui_vae.errors import RunStoreError
from tui_vae.run_store.directory import run_folder
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.requests import Message, Requests
from tui_vae.run_store.study import make_study_folder, read_study, study_named, write_study
from tui_vae.view.run_source import HELD_OUT_ELBO


def test_trials_with_their_states_and_metrics(tmp_path: Path) -> None:
    directory = evaluated_study(tmp_path, seeds=2, without=lambda trial: trial.seed == 1)
    study = Library(tmp_path).study(str(directory.path))
    found = study.look()
    assert study.name == "trend"
    assert [run.state for run in found.runs] == ["finished"] * 8 + ["waiting"] * 8
    assert found.runs[0].key == str(directory.path / "a-sigma0.2-seed0")
    assert found.progress.startswith("8 of 16 finished; about ")
    assert found.progress.endswith(" · no process runs it")
    assert found.metrics == (HELD_OUT_ELBO, "elbo", "iwae", "frechet_distance")
    assert found.axes == ("parameters", "sigma")
    assert found.complete
    line = study.lines("iwae", "parameters")[0]
    assert (line.label, line.x) == ("sigma 0.2", tuple(map(float, SIZES.values())))
    trial = next(t for t in read_study(directory).trials if t.id == "b-sigma0.2-seed0")
    assert line.marks[1] == (float(SIZES["b"]), 0, plateau_at_c(trial)["iwae"])
    assert len(study.lines(HELD_OUT_ELBO, "sigma")) == 4


def test_trials_are_stopped_by_requests_to_who_runs_the_study(tmp_path: Path) -> None:
    directory = evaluated_study(tmp_path, seeds=1)
    study = StudyWatcher(directory)
    with pytest.raises(RunStoreError, match="not being trained by any process"):
        study.stop(None)
    lease = Lease.acquire(directory.as_run)
    try:
        study.stop("a-sigma0.2-seed0")
        study.stop(None)
        received: list[Message] = []
        Requests(lease.token).poll(directory.as_run, received.append, lambda event: None)
    finally:
        lease.release()
    assert [(message.action, message.model) for message in received] == [("stop", "a-sigma0.2-seed0"), ("stop", None)]


def test_ten_thousand_trials_are_listed_at_once_and_read_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In processor time of this process, which others on the machine do not change: 2 s are the budget."""
    models = tuple(ModelSpec(f"m{width}", (width,)) for width in range(1, 51))
    typed = {"models": models, "seeds": 100}
    directory = study_named(tmp_path, "large")
    make_study_folder(directory)
    write_study(directory, plan("large", typed, {"sigma": [0.2, 0.5]}, run_folder, now=1.0))
    for name in ("m1-sigma0.2-seed0", "m2-sigma0.2-seed0"):
        (directory.path / name).mkdir()
        (directory.path / name / "config.json").write_text("{}")
    began = time.process_time()
    study = StudyWatcher(directory)
    found = study.look()
    assert time.process_time() - began < 2
    assert len(found.runs) == 10_000
    monkeypatch.setattr(watcher, "SECONDS_OF_A_LOOK", 0.0)
    late = StudyWatcher(directory).look()
    assert not late.complete
    assert "unread" in late.progress
    assert "left" not in late.progress
