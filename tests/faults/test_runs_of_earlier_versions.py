"""Runs that an earlier version wrote are listed, opened, resumed and evaluated.

``tests/fixtures/earlier_runs`` holds runs of the linear model ``baseline`` and of ``deep=4,4`` on 500 images:
``*-finished`` was trained for 3 epochs and evaluated, ``*-stopped`` was interrupted within the fifth of 12 epochs, and
``continued`` has the log and the weights at which the earlier version arrived when it resumed that run.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from tests.faults.faulty_runs import FaultyTraining
from tests.faults.same_training import assert_same_training, course, measured
from tui_vae.app.model_loader import load_model
from tui_vae.config import TrainConfig
from tui_vae.config.evaluation import PROTOCOL
from tui_vae.data import Split
from tui_vae.evaluation.likelihood.bounds import elbo_per_image
from tui_vae.events import Evaluation, EvaluationFinished, RunFinished, RunStarted
from tui_vae.run_store import RunDirectory, read_log, read_picture
from tui_vae.run_store.directory import read_config
from tui_vae.run_store.evaluations import read_evaluation
from tui_vae.run_store.tail import LogTail
from tui_vae.view.state import RunState, reduce_all

FIXTURES = Path(__file__).parents[1] / "fixtures" / "earlier_runs"
MODELS = ("baseline", "deep")
SETTINGS = ("--samples", "100", "--iwae-samples", "4", "--ais-images", "4", "--ais-steps", "8", "--device", "cpu")
RESUME = ("--no-ui", "--quiet", "--no-evaluate", "--resume")

# Other processors and libraries round otherwise, which 900 steps of Adam at learning rates up to 2e-3 enlarge.
WEIGHTS = {"rtol": 0.01, "atol": 0.01}
NATS = {"rtol": 1e-3, "atol": 0.2}


def fixture(name: str) -> Path:
    (path,) = FIXTURES.glob(f"*-{name}")
    return path


@pytest.fixture
def copies(training: FaultyTraining) -> FaultyTraining:
    """Writable copies of both runs, where the command looks for runs."""
    shutil.rmtree(training.folder)
    training.folder.mkdir()
    for name in ("finished", "stopped"):
        shutil.copytree(fixture(name), training.folder / fixture(name).name)
    return training


def test_they_are_listed(copies: FaultyTraining) -> None:
    assert copies.train("runs", "--json") == 0, copies.output()
    listed = {run["name"]: run for run in map(json.loads, copies.output().splitlines())}
    assert {name: run["state"] for name, run in listed.items()} == {"finished": "finished", "stopped": "stopped"}
    assert all([model["model"] for model in run["models"]] == list(MODELS) for run in listed.values()), listed


@pytest.mark.parametrize("name", ["finished", "stopped"])
def test_they_are_opened_whole(name: str) -> None:
    run = RunDirectory(fixture(name), name)
    events = list(read_log(run.log))
    tail = LogTail(run.log, merge=False)
    assert tail.read() == events
    assert tail.unreadable == 0
    assert isinstance(events[0], RunStarted)
    assert TrainConfig.from_json(events[0].config) == read_config(run)
    state = reduce_all(RunState(), events)
    assert state.status == name
    assert set(state.models) == set(MODELS)
    for model in MODELS:
        assert read_picture(run.path / state.models[model].samples[-1].file).shape[1] == 280
        assert np.isfinite(state.models[model].progress.column("loss")).all()


def test_a_stored_evaluation_is_read() -> None:
    run = RunDirectory(fixture("finished"), "finished")
    logged = {event.model: event for event in read_log(run.log) if isinstance(event, Evaluation)}
    for model in MODELS:
        stored = read_evaluation(run, model)
        assert stored is not None
        assert stored.result.metrics == logged[model].metrics
        assert stored.result.protocol == logged[model].protocol == 1
        assert stored.per_image["elbo"].shape == (100,)
        assert all((run.path / picture.file).is_file() for picture in stored.result.pictures)


def test_a_stopped_run_goes_on_to_where_the_earlier_version_arrived(copies: FaultyTraining) -> None:
    run, again = copies.run("stopped"), copies.folder / "20990101-000000-again"
    shutil.copytree(run, again)
    assert copies.train(*RESUME, "stopped") == 0, copies.output()
    assert copies.train(*RESUME, "again") == 0, copies.output()
    assert_same_training(run, again)
    assert isinstance(list(read_log(run / "events.jsonl"))[-1], RunFinished)

    earlier = FIXTURES / "continued" / run.name
    for model in MODELS:
        now, then = (load_file(folder / "models" / model / "latest.safetensors") for folder in (run, earlier))
        assert now.keys() == then.keys()
        for name, weights in then.items():
            np.testing.assert_allclose(now[name], weights, err_msg=f"{model} {name}", **WEIGHTS)
        assert course(run, model)["step"] == course(earlier, model)["step"] == 1500
    epochs, epochs_then = measured(run), measured(earlier)
    assert epochs.keys() == epochs_then.keys()
    for key, of_epochs in epochs_then.items():
        assert [numbers[0] for numbers in epochs[key]] == [numbers[0] for numbers in of_epochs]
        for numbers, numbers_then in zip(epochs[key], of_epochs, strict=True):
            np.testing.assert_allclose(numbers[1:4], numbers_then[1:4], err_msg=str(key), **NATS)


def test_a_finished_run_is_trained_for_more_epochs(copies: FaultyTraining) -> None:
    assert copies.train(*RESUME, "finished") == 0
    assert "is finished" in copies.output()
    assert copies.train(*RESUME, "finished", "--epochs", "4") == 0, copies.output()
    assert course(copies.run("finished"), "deep")["epoch"] == 4


def test_an_evaluation_agrees_with_that_of_the_earlier_version(
    copies: FaultyTraining, mnist: tuple[Split, Split]
) -> None:
    """On the images that the earlier version took: its ELBO was of one draw of z, some nats for an image."""
    run = RunDirectory(copies.run("finished"), "finished")
    config = read_config(run)
    before = {model: read_evaluation(run, model) for model in MODELS}
    log = run.log.stat().st_size
    assert copies.train("evaluate", "finished", *SETTINGS) == 0, copies.output()
    assert isinstance(LogTail(run.log, merge=False).read()[-1], EvaluationFinished)
    assert run.log.stat().st_size > log
    for model, stored in before.items():
        now = read_evaluation(run, model)
        assert stored is not None
        assert now is not None
        assert now.result.t > stored.result.t
        assert now.result.protocol == PROTOCOL > stored.result.protocol
        values, values_then = (
            {value.metric: value.value for value in evaluation.result.metrics} for evaluation in (now, stored)
        )
        assert values.keys() == {*values_then, "ais_iwae"}  # which the earlier version did not measure
        loaded = load_model(run, next(spec for spec in config.models if spec.name == model), config)
        assert loaded is not None
        images = mnist[1].images[:100]
        elbo = elbo_per_image(loaded.vae, images)
        then = {name: torch.from_numpy(values) for name, values in stored.per_image.items()}
        torch.testing.assert_close(elbo.kl, then["kl"], rtol=1e-4, atol=1e-3)
        difference = elbo.reconstruction - then["reconstruction"]
        assert abs(float(difference.mean())) <= 4 * float(difference.std()) / math.sqrt(len(images))


def test_the_earlier_runs_are_small() -> None:
    assert sum(path.stat().st_size for path in FIXTURES.rglob("*") if path.is_file()) <= 1_500_000
