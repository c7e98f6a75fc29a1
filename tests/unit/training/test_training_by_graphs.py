"""Whole trainings with captured steps against trainings step by step."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tests.unit.training.emulated_graphs import logged
from tests.unit.training.running import DEEP, SMALL, Run, all_finite, ends, identical, train
from tui_vae.data import Dataset
from tui_vae.events import Epoch, Notice, Progress, State
from tui_vae.training import Engine, capture_cache, step_batch, trainer
from tui_vae.training.fused import torchscript
from tui_vae.training.step import Work

# Single precision, in which the device has the learning rate, holds this one exactly. An epoch has 50 steps.
OPTIONS: dict[str, Any] = {"schedule": "constant", "lr": 2.0**-9, "batch_size": 20, "sigma": "learned"}


@pytest.fixture
def images(capturing: torch.device, small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """On the device, where seven steps are captured together, so that an epoch ends with one."""
    monkeypatch.setattr(step_batch, "_STEPS_OF_GRAPH", 7)
    return small_mnist.to(capturing)


@pytest.fixture
def one_by_one(images: Dataset) -> Run:
    return step_by_step(images)


def step_by_step(images: Dataset, **options: Any) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step_batch, "graphs_for", lambda device, refused: None)
        patch.setattr(torchscript, "tracer", lambda device: None)
        return train(images, **(OPTIONS | options))


@pytest.fixture
def replays(images: Dataset, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets a word for each capture and each replay."""
    done: list[str] = []
    monkeypatch.setattr(capture_cache, "capture", logged(capture_cache.capture, done))
    return done


def measured(run: Run) -> list[tuple[Any, ...]]:
    """Return the fields of each epoch event except the time."""
    return [
        (e.model, e.epoch, e.split, e.kl_per_latent, e.active_units, e.sigma) for e in sorted(run.of(Epoch), key=_of)
    ]


def _of(event: Epoch) -> tuple[str, int, str]:
    return event.model, event.epoch, event.split


def test_a_captured_training_has_the_bits_of_one_step_by_step(
    replays: list[str], images: Dataset, one_by_one: Run
) -> None:
    assert not replays
    run = train(images, **OPTIONS)
    assert ends(run) == {"small": "finished", "deep": "finished"}
    # Of each model, 2 epochs of 7 groups and one of a single step; of each kind the second is captured.
    assert (replays.count("captured"), replays.count("replayed")) == (4, 2 * 12)
    for model in ("small", "deep"):
        assert identical(run.weights(model), one_by_one.weights(model))
    held_out = [of for of in measured(run) if of[2] == "held_out"]
    assert held_out == [of for of in measured(one_by_one) if of[2] == "held_out"]
    for mine, other in zip(measured(run), measured(one_by_one), strict=True):
        assert mine[3] == pytest.approx(other[3], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    "objective", [{"dequantize": True}, {"kl_warmup": 1.5, "beta": 2.0}, {"free_bits": 1.0, "kl_warmup": 2.0}], ids=str
)
@pytest.mark.parametrize("step", ["general", "fused"])
def test_noise_of_pixels_and_weights_of_the_kl_are_read_anew_at_every_replay(
    step: str, objective: dict[str, Any], request: pytest.FixtureRequest, images: Dataset, replays: list[str]
) -> None:
    if step == "general" and request.node.callspec.params["capturing"] == "traced":
        pytest.skip("autograd is not traced")
    options = {"step": step} | objective
    single = step_by_step(images, **options)
    run = train(images, **(OPTIONS | options))
    assert "replayed" in replays
    assert all(identical(run.weights(model), single.weights(model)) for model in ("small", "deep"))


def test_a_captured_training_by_autograd_has_the_bits_of_one_step_by_step(
    request: pytest.FixtureRequest, images: Dataset, replays: list[str]
) -> None:
    if request.node.callspec.params["capturing"] == "traced":
        pytest.skip("autograd is not traced")
    single = step_by_step(images, step="general")
    assert not replays
    run = train(images, step="general", **OPTIONS)
    assert ends(run) == {"small": "finished", "deep": "finished"}
    assert (replays.count("captured"), replays.count("replayed")) == (4, 2 * 12)
    assert all(identical(run.weights(model), single.weights(model)) for model in ("small", "deep"))


def test_progress_covers_every_step(images: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_PROGRESS", 0.0)
    run = train(images, models=(SMALL,), epochs=1, **OPTIONS)
    progress = run.of(Progress)
    assert [event.step for event in progress] == [7, 14, 21, 28, 35, 42, 49, 50]
    # The mean is of sums in single precision.
    assert all(event.loss_min - 0.01 <= event.loss <= event.loss_max + 0.01 for event in progress)


@pytest.mark.parametrize("groups", [1, 3, 7, 9])
def test_a_training_resumed_between_two_groups_has_the_same_bits(
    groups: int, images: Dataset, one_by_one: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = step_batch.StepRunner.take
    engines: list[Engine] = []
    count = 0

    def counted(self: step_batch.StepRunner, *of: Any) -> None:
        nonlocal count
        taken(self, *of)
        count += 1
        if count == groups:
            engines[0].stop("cut")

    with monkeypatch.context() as patch:
        patch.setattr(step_batch.StepRunner, "take", counted)
        cut = train(images, models=(DEEP,), before=engines.append, **OPTIONS)
    assert ends(cut) == {"deep": "stopped"}
    saved = cut.store.latest["deep"][-1]
    assert saved.course.step == 7 * (groups - groups // 8) + groups // 8
    resumed = train(images, models=(DEEP,), saved={"deep": saved}, **OPTIONS)
    assert ends(resumed) == {"deep": "finished"}
    assert identical(resumed.weights("deep"), one_by_one.weights("deep"))


def test_a_training_that_diverges_within_a_replay_ends_at_the_same_step(replays: list[str], images: Dataset) -> None:
    """At the same step, with the same weights and the same state of the generator."""
    options = {"lr": 2.0**-3, "sigma": 0.2, "models": (SMALL,)}
    run, single = train(images, **(OPTIONS | options)), step_by_step(images, **options)
    assert ends(run) == ends(single) == {"small": "failed"}
    assert "replayed" in replays
    assert run.of(State, "small")[-1].reason == single.of(State, "small")[-1].reason
    assert identical(run.weights("small"), single.weights("small"))
    assert all_finite(run.weights("small"))
    courses = [of.store.latest["small"][-1].course for of in (run, single)]
    assert courses[0].noise == courses[1].noise
    assert (courses[0].step, courses[0].position) == (courses[1].step, courses[1].position)


def test_steps_that_cannot_be_captured_are_reported_once_and_have_the_same_bits(
    images: Dataset, one_by_one: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impossible(work: Work) -> Work:
        raise RuntimeError("operation not permitted\nwhen stream is capturing")

    monkeypatch.setattr(capture_cache, "capture", impossible)
    run = train(images, models=(DEEP,), **OPTIONS)
    assert ends(run) == {"deep": "finished"}
    (notice,) = run.of(Notice)
    assert (notice.level, notice.model) == ("warning", "deep")
    assert "step by step" in notice.text
    assert notice.text.isprintable()
    assert identical(run.weights("deep"), one_by_one.weights("deep"))
    assert math.isfinite(run.of(Epoch)[-1].elbo)
