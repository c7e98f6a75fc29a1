"""A run of a loop of the user's own: what it writes, who may ask it what, and how it ends."""

from __future__ import annotations

import contextlib
import logging
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

import tui_vae
from tui_vae.errors import RunStoreError, UsageError
from tui_vae.events import (
    Action,
    Epoch,
    Event,
    ModelStarted,
    Notice,
    Progress,
    Request,
    RunFinished,
    RunStarted,
    Samples,
    State,
)
from tui_vae.run_store import RunDirectory, lease, read_log
from tui_vae.run_store.directory import read_config
from tui_vae.run_store.find import find_run, runs_in
from tui_vae.run_store.lease import Lease
from tui_vae.run_store.pictures import picture_of
from tui_vae.run_store.requests import send_request
from tui_vae.run_store.summary import summarise
from tui_vae.view.image_cells import parse_sheet
from tui_vae.view.state import RunState, reduce_all

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 20, 30, 3), dtype=np.uint8)
PATIENCE = 20.0


def events_of(log: tui_vae.Log) -> list[Event]:
    return list(read_log(RunDirectory(log.path, log.name).log))


def states(log: tui_vae.Log) -> list[tuple[str, str, str | None]]:
    return [(event.model, event.state, event.reason) for event in events_of(log) if isinstance(event, State)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tui_vae.Log:
    """A run of two models: one logs all it can, the other nothing but its loss."""
    folder = tmp_path_factory.mktemp("runs")
    models = {"full": {"encoder": 550_000, "decoder": 540_000}, "bare": None}
    config = {"beta": 4.0, "layers": [512, 256], "name": "é"}
    with tui_vae.Log(
        "mine", models=models, epochs=2, config=config, dataset="blobs", device="cpu", runs_dir=folder
    ) as log:
        for epoch in range(2):
            for step in range(30):
                kl = torch.tensor(10.0 + step, requires_grad=True) * 1
                log.step("full", loss=kl - 300, reconstruction=np.float32(300.0), kl=kl, images=100)
                log.step("bare", loss=np.array(-200.0 - step))
                log.pause_point()
            log.epoch(
                "full", reconstruction=301.0 + epoch, kl=torch.tensor(11.0), kl_per_latent=torch.ones(11), sigma=0.5
            )
            log.samples("full", torch.from_numpy(IMAGES) / 255)
            log.epoch("bare")
        assert not log.stopping
    return log


def test_a_name_that_exists_gets_a_number_which_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for expected in ("otter", "otter-2", "otter-3"):
        with tui_vae.Log("otter", models=["a"], runs_dir=tmp_path):
            pass
        assert find_run(tmp_path, expected).name == expected
    assert [record.getMessage() for record in caplog.records if "exists" in record.getMessage()] == [
        f"a run named 'otter' exists: this one is 'otter-{number}'" for number in (2, 3)
    ]


def test_what_is_logged_is_kept_and_the_rest_is_not_known(finished: tui_vae.Log) -> None:
    state = reduce_all(RunState(), events_of(finished))
    assert (state.name, state.status, state.epochs, state.device, state.own_loop) == (
        "mine",
        "finished",
        2,
        "cpu",
        True,
    )
    assert state.data is not None
    assert (state.data.name, state.data.train, state.data.held_out) == ("blobs", None, None)
    full, bare = state.models["full"], state.models["bare"]
    assert full.parameters is not None
    assert (full.parameters.total, bare.parameters, full.hidden) == (1_090_000, None, None)
    assert (full.status, full.step, full.epoch, full.steps) == ("finished", 60, 2, 60)
    assert full.last_train is not None
    assert full.last_train.elbo == pytest.approx(300 - 10 - 14.5)
    assert (full.elbo, full.last_train.kl_per_latent) == (291.0, None)
    assert full.last_latents is not None
    assert full.last_latents.kl_per_latent == (1.0,) * 11
    assert bare.last_held_out is not None
    assert {
        getattr(bare.last_held_out, name) for name in ("elbo", "reconstruction", "kl", "active_units", "sigma")
    } == {None}
    assert np.isnan(bare.progress.column("kl")).all()
    assert [result.elbo for result in state.results] == [291.0, None]


def test_every_step_is_in_the_means_of_a_record(finished: tui_vae.Log) -> None:
    first = [e for e in events_of(finished) if isinstance(e, Progress) and e.model == "bare" and e.epoch == 1]
    weights = np.diff([0, *(record.step for record in first)])
    assert np.average([record.loss for record in first], weights=weights) == pytest.approx(-214.5)
    assert min(record.loss_min for record in first) == -229.0


def test_samples_are_written_in_their_size_and_colours(finished: tui_vae.Log) -> None:
    run = RunDirectory(finished.path, finished.name)
    events = events_of(finished)
    samples = [event for event in events if isinstance(event, Samples)]
    assert [event.epoch for event in samples] == [1, 2]
    sheet = parse_sheet(picture_of(run, samples[-1].file), samples[-1].layout)
    assert sheet is not None
    assert np.abs(sheet.prior.astype(int) - IMAGES).max() == 0
    assert isinstance(events[-1], RunFinished), "nothing comes after the end"


def test_the_run_is_listed_like_any_other(finished: tui_vae.Log) -> None:
    listed = summarise(find_run(finished.path.parent, "mine"))
    assert (listed.name, listed.state, listed.dataset, listed.epochs) == ("mine", "finished", "blobs", 2)
    assert [(model.name, model.epoch, model.elbo) for model in listed.models] == [("full", 2, 291.0), ("bare", 2, None)]


def test_the_configuration_says_what_is_known_and_whose_loop_it_was(finished: tui_vae.Log) -> None:
    started = next(event for event in events_of(finished) if isinstance(event, RunStarted))
    assert started.config == {
        "writer": "tui_vae.Log", "models": [{"name": "full"}, {"name": "bare"}], "epochs": 2, "dataset": "blobs",
        "beta": 4.0, "layers": [512, 256], "name": "é",
    }  # fmt: skip
    assert {"tui-vae", "python", "torch"} <= started.versions.keys()
    with pytest.raises(RunStoreError, match="written by a training loop of the user's own"):
        read_config(find_run(finished.path.parent, "mine"))


def test_it_is_read_as_columns_and_has_no_weights(finished: tui_vae.Log) -> None:
    run = tui_vae.read(finished.path)
    assert (run.name, run.state, run.models, run.config["beta"]) == ("mine", "finished", ("full", "bare"), 4.0)
    assert [len(kl) for kl in run.epochs["kl_per_latent"]] == [0, 11, 0, 11, 0, 0, 0, 0]
    with pytest.raises(RunStoreError, match="whose weights are not in the run"):
        run.load("full")


# How it ends.


def ended_by(log: tui_vae.Log, error: BaseException) -> tuple[str, list[Event]]:
    def loop() -> None:
        with log:
            log.step("a", loss=1.0)
            raise error

    with pytest.raises(type(error)):
        loop()
    events = events_of(log)
    assert isinstance(events[-1], RunFinished)
    return events[-1].status, events


def test_an_exception_is_the_reason_of_the_failure(tmp_path: Path) -> None:
    log = tui_vae.Log(models=["a", "b"], runs_dir=tmp_path)
    status, events = ended_by(log, ValueError("shapes\ndiffer"))
    assert status == "failed"
    assert states(log)[1:] == [
        ("a", "failed", "ValueError: shapes differ"),
        ("b", "failed", "ValueError: shapes differ"),
    ]
    assert any(isinstance(e, Notice) and "raise error" in e.text for e in events), "the traceback is in the log"


@pytest.mark.parametrize(
    ("error", "reason"), [(KeyboardInterrupt(), "by an interrupt"), (SystemExit(3), "as the program was left")]
)
def test_a_loop_that_is_left_is_stopped(tmp_path: Path, error: BaseException, reason: str) -> None:
    log = tui_vae.Log(models=["a"], runs_dir=tmp_path)
    assert ended_by(log, error)[0] == "stopped"
    assert states(log)[-1] == ("a", "stopped", reason)


def test_close_ends_a_run_once_and_lets_another_process_write_it(tmp_path: Path) -> None:
    log = tui_vae.Log(models=["a"], runs_dir=tmp_path)
    log.step("a", loss=1.0)
    log.close()
    log.close()
    with pytest.raises(UsageError, match="is closed"):
        log.step("a", loss=1.0)
    assert [type(event) for event in events_of(log)].count(RunFinished) == 1
    Lease.acquire(find_run(tmp_path, log.name)).release()


def test_a_process_that_ends_without_close_leaves_a_stopped_run_and_loads_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys, tui_vae\n"
        "assert not {'numpy', 'msgspec'} & sys.modules.keys()\n"
        f"log = tui_vae.Log('left', models=['a'], runs_dir={str(tmp_path)!r})\n"
        "log.step('a', loss=1.0)\n"
        "log.step('a', loss=2.0)\n"
        "log.samples('a', [[[0.5]]])\n"
        "assert not {'torch', 'textual', 'rich'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    run = find_run(tmp_path, "left")
    events = list(read_log(run.log))
    assert summarise(run).state == "stopped"
    assert [e.step for e in events if isinstance(e, Progress)][-1] == 2
    assert any(isinstance(event, Samples) for event in events)


# Requests of those who watch.


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for requests and a moved folder more often than twice a second."""
    monkeypatch.setattr(lease, "SECONDS_BETWEEN_TICKS", 0.02)


@pytest.fixture
def looping(tmp_path: Path) -> Iterator[tui_vae.Log]:
    """A run whose loop goes round and round in a thread of its own until it is stopped."""
    log = tui_vae.Log("looping", models=["a", "b"], runs_dir=tmp_path)

    def loop() -> None:
        with log:
            while not log.stopping:
                log.step("a", loss=1.0)
                log.step("b", loss=1.0)
                log.pause_point()

    thread = threading.Thread(target=loop)
    thread.start()
    yield log
    with contextlib.suppress(RunStoreError):  # it has ended
        send_request(RunDirectory(log.path, log.name), "stop", None)
    thread.join(PATIENCE)
    assert not thread.is_alive()


def answer(log: tui_vae.Log, action: Action, model: str | None = None, value: float | None = None) -> Request:
    run = RunDirectory(log.path, log.name)
    number = send_request(run, action, model, value)
    events = wait_for(log, lambda events: any(getattr(event, "id", None) == number for event in events))
    return next(event for event in events if isinstance(event, Request) and event.id == number)


def wait_for(log: tui_vae.Log, condition: Any) -> list[Event]:
    reached = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if condition(events := events_of(log)):
            return events
        reached.wait(0.02)
    pytest.fail(f"waited in vain: {events_of(log)[-5:]}")


def test_a_watcher_pauses_resumes_and_stops_the_loop(looping: tui_vae.Log) -> None:
    wait_for(looping, lambda events: any(isinstance(event, Progress) for event in events))
    for action in ("checkpoint", "evaluate", "add_epochs", "set_learning_rate"):
        assert answer(looping, action, value=1.0).refused == "a custom training loop can only be paused and stopped"
    assert answer(looping, "pause", "c").refused == "no model named c"
    assert answer(looping, "stop", "a").refused == "the loop stops as a whole: stop all models"
    assert answer(looping, "pause", "a").refused is None
    wait_for(looping, lambda events: [e.state for e in events if isinstance(e, State)][-2:] == ["paused"] * 2)
    paused = len(events_of(looping))
    assert answer(looping, "resume", "b").refused is None
    events = wait_for(looping, lambda events: [e.state for e in events if isinstance(e, State)][-2:] == ["running"] * 2)
    assert not any(isinstance(event, Progress) for event in events[paused : paused + 1]), "nothing trains in a pause"
    assert answer(looping, "stop").refused is None
    wait_for(looping, lambda events: isinstance(events[-1], RunFinished))
    assert states(looping)[-2:] == [("a", "stopped", "on request"), ("b", "stopped", "on request")]


def test_a_loop_without_a_pause_point_says_so(tmp_path: Path) -> None:
    with tui_vae.Log(models=["a"], runs_dir=tmp_path) as log:
        log.step("a", loss=1.0)
        assert answer(log, "pause").refused == "the loop has come to no pause_point() yet"


def test_a_deleted_run_ends_the_log_and_not_the_loop(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "tui_vae"), tui_vae.Log(models=["a"], runs_dir=tmp_path) as log:
        shutil.rmtree(log.path)
        log.step("a", loss=1.0)
        log.samples("a", IMAGES)
        log.epoch("a")
    assert not log.path.exists()
    assert "was deleted: nothing more is logged" in caplog.text


# What is refused.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": []}, "at least one model"),
        ({"models": "mine"}, "a mapping or a list of names"),
        ({"models": ["a", "A"]}, "same name but for capitals"),
        ({"models": ["a/b"]}, "cannot contain path separators"),
        ({"models": {"a": {"encoder": 1}}}, '"encoder": number, "decoder": number'),
        ({"models": {"a": {"encoder": 1, "decoder": -1}}}, "not below 0"),
        ({"models": ["a"], "epochs": 0}, "epochs is a whole number"),
        ({"models": ["a"], "steps": 1.5}, "steps is a whole number"),
        ({"models": ["a"], "name": "a/b"}, "a run name"),
        ({"models": ["a"], "config": {"epochs": 3}}, "epochs cannot be given there"),
        ({"models": ["a"], "config": {"x": object()}}, "config holds JSON values"),
        ({"models": ["a"], "config": {"x": 2**70}}, "config holds JSON values"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_written(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        tui_vae.Log(runs_dir=tmp_path, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(RunStoreError, match="is not a directory"):
        tui_vae.Log(models=["a"], runs_dir=tmp_path / "runs")


def test_unknown_models_and_other_shapes_are_refused_and_the_run_goes_on(tmp_path: Path) -> None:
    with tui_vae.Log(models=["a"], runs_dir=tmp_path) as log:
        with pytest.raises(UsageError, match="no model of this log is called b; there are a"):
            log.step("b", loss=1.0)
        with pytest.raises(UsageError, match="kl_per_latent is a number for each latent"):
            log.epoch("a", kl_per_latent=3.0)
        with pytest.raises(UsageError, match="elbo is one number"):
            log.epoch("a", elbo=[1.0, 2.0])
        with pytest.raises(UsageError, match="elbo cannot be read"):
            log.epoch("a", elbo="high")
        log.epoch("a", elbo=np.array([[3.0]]))
    assert [e.elbo for e in events_of(log) if isinstance(e, Epoch)] == [3.0]


def test_actions_are_all_answered() -> None:
    assert set(get_args(Action)) == {
        "pause", "resume", "stop", "checkpoint", "evaluate", "add_epochs", "set_learning_rate",
    }  # fmt: skip


def test_the_public_names_are_there_and_no_others() -> None:
    assert set(tui_vae.__all__) <= set(dir(tui_vae))
    assert all(getattr(tui_vae, name) is not None for name in tui_vae.__all__)
    with pytest.raises(AttributeError, match="no attribute 'log'"):
        tui_vae.log  # noqa: B018


def test_models_are_started_before_anything_else_is_logged(finished: tui_vae.Log) -> None:
    assert [type(event) for event in events_of(finished)[:3]] == [RunStarted, ModelStarted, ModelStarted]


def test_a_killed_loop_leaves_all_that_was_due(tmp_path: Path) -> None:
    program = (
        "import time, tui_vae\n"
        f"log = tui_vae.Log('killed', models=['a'], epochs=9, runs_dir={str(tmp_path)!r})\n"
        "for step in range(5):\n"
        "    log.step('a', loss=step)\n"
        "    time.sleep(0.06)\n"
        "log.epoch('a', elbo=-1.0)\n"
        "time.sleep(1000)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        for _ in range(int(PATIENCE / 0.02)):
            runs = [run for run in runs_in(tmp_path) if run.log.exists()]
            if runs and any(isinstance(event, Epoch) and event.split == "held_out" for event in read_log(runs[0].log)):
                break
            threading.Event().wait(0.02)
    finally:
        process.kill()
        process.wait()
    run = find_run(tmp_path, "killed")
    assert [event.loss for event in read_log(run.log) if isinstance(event, Progress)] == [0, 1, 2, 3, 4]
    listed = summarise(run)
    assert (listed.state, [(model.epoch, model.elbo) for model in listed.models]) == ("killed", [(1, -1.0)])
