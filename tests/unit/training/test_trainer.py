"""The events, checkpoints and weights of one model's training, on a few real images."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from tui_vae.config import ModelSpec
from tui_vae.data import Dataset
from tui_vae.data.generators import generator, image_order
from tui_vae.events import Checkpoint, Epoch, Event, ModelStarted, Progress, Samples, State
from tui_vae.model import VAE
from tui_vae.training import Engine, trainer
from tui_vae.training.step import learning_rate
from tui_vae.training.step_batch import StepGroup

from .running import DEEP, SMALL, MemoryStore, Run, identical, train


@pytest.fixture
def every_read(ten_steps_a_read: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A progress event at every read of the device, however fast the machine is."""
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_PROGRESS", 0.0)


@pytest.fixture
def batch_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the number of images of every training step."""
    sizes: list[int] = []
    take = StepGroup.take

    def recorded(self: StepGroup, order: torch.Tensor, of_each: Sequence[int], *rest: Any, begin: int) -> None:
        sizes.extend(of_each)
        take(self, order, of_each, *rest, begin=begin)

    monkeypatch.setattr(StepGroup, "take", recorded)
    return sizes


def alone(data: Dataset, **options: Any) -> Run:
    return train(data, models=(SMALL,), **options)


def test_events_come_in_order(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist)
    for model in ("small", "deep"):
        names = [name for name, _ in itertools.groupby(run.names(model))]
        epoch = ["progress", "epoch", "samples", "checkpoint"]  # the last is both latest and best
        assert names == ["model_started", "running", "samples", *epoch, *epoch, "finished"]
        assert [(e.epoch, e.split) for e in run.of(Epoch, model)] == [
            (1, "train"), (1, "held_out"), (2, "train"), (2, "held_out"),
        ]  # fmt: skip
        assert [e.epoch for e in run.of(Samples, model)] == [0, 1, 2]
        assert [(e.epoch, e.step, e.kind) for e in run.of(Checkpoint, model)] == [
            (1, 3, "latest"), (1, 3, "best"), (2, 6, "latest"), (2, 6, "best"),
        ]  # fmt: skip
        times = [event.t for event in run.events if getattr(event, "model", None) == model]
        assert times == sorted(times)


def test_the_start_says_what_is_trained(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist)
    started = {event.model: event for event in run.of(ModelStarted)}
    assert started["small"].hidden == ()
    assert started["deep"].hidden == (24, 16)
    assert all(event.resumed_at_step is None and event.limit is None for event in started.values())
    small = started["small"].parameters
    assert (small.encoder, small.decoder, small.total) == (785 * 8, 5 * 784, 785 * 8 + 5 * 784)


@pytest.mark.usefixtures("every_read")
@pytest.mark.parametrize("sigma", [0.2, "learned"])
def test_in_every_event_elbo_is_reconstruction_minus_kl(sigma: float | str, small_mnist: Dataset) -> None:
    run = train(small_mnist, batch_size=30, sigma=sigma)
    progress, epochs = run.of(Progress), run.of(Epoch)
    assert len(progress) == 2 * 2 * 4  # 34 steps an epoch, read every 10 and at the end
    assert len(epochs) == 2 * 2 * 2
    for event in progress:
        assert -event.loss == pytest.approx(event.reconstruction - event.kl, rel=1e-12)
        # The mean over the images of some steps lies between the means of those steps.
        assert event.loss_min - 1e-3 <= event.loss <= event.loss_max + 1e-3
        assert event.images_per_second > 0
    for epoch in epochs:
        assert epoch.elbo == pytest.approx(epoch.reconstruction - epoch.kl, rel=1e-12)
        assert sum(epoch.kl_per_latent) == pytest.approx(epoch.kl, rel=1e-9)
        assert len(epoch.kl_per_latent) == 4
        assert 0 <= epoch.active_units <= 4
        assert epoch.seconds > 0


@pytest.mark.usefixtures("every_read")
def test_progress_adds_up_to_the_epoch(small_mnist: Dataset) -> None:
    run = alone(small_mnist, batch_size=30, epochs=2)
    for epoch in (1, 2):
        events = [e for e in run.of(Progress) if e.epoch == epoch]
        first = 34 * (epoch - 1)
        assert [e.step - first for e in events] == [10, 20, 30, 34]
        assert {e.steps for e in events} == {68}
        images = [300, 300, 300, 100]  # the last step has 10 images
        mean = sum(n * e.loss for n, e in zip(images, events, strict=True)) / 1000
        of_epoch = next(e for e in run.of(Epoch) if (e.epoch, e.split) == (epoch, "train"))
        assert mean == pytest.approx(-of_epoch.elbo, rel=1e-6)


def test_training_is_adam_on_the_order_noise_and_schedule_of_the_seed(small_mnist: Dataset) -> None:
    """The same weights, but for rounding, as a loop of autograd and torch's optimiser that is written out here."""
    run = train(small_mnist, models=(DEEP,), batch_size=300, epochs=2, seed=5, lr=1e-3)
    vae = VAE.from_spec(DEEP, 4, 0.2, generator(5, "weights"))
    optimiser = torch.optim.Adam(vae.parameters(), fused=True)
    noise = generator(5, "training noise")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for step in range(8):
            batch = image_order(5, step // 4, 1000).split(300)[step % 4]
            optimiser.param_groups[0]["lr"] = learning_rate("cosine", 1e-3, step, 8)
            terms = vae(small_mnist.train.images[batch].float() / 255, torch.randn(len(batch), 4, generator=noise))
            optimiser.zero_grad()
            terms.loss().backward()
            optimiser.step()
    finally:
        torch.set_num_threads(before)
    # Adam divides by the size of a gradient, which makes much of the rounding of a small one, but never a step of it.
    for name, weight in vae.state_dict().items():
        assert float((run.weights("deep")[name] - weight).abs().max()) < 0.02 * 1e-3, name


def test_the_last_batch_of_an_epoch_may_be_smaller(tiny_mnist: Dataset, batch_sizes: list[int]) -> None:
    run = alone(tiny_mnist, batch_size=100)
    assert batch_sizes == [100, 100, 50] * 2
    assert [e.step for e in run.of(Checkpoint) if e.kind == "latest"] == [3, 6]


def test_a_batch_may_be_larger_than_the_data(tiny_mnist: Dataset, batch_sizes: list[int]) -> None:
    run = alone(tiny_mnist, batch_size=10_000, epochs=3)
    assert batch_sizes == [250] * 3
    assert run.engine.exit_code == 0
    assert [e.step for e in run.of(Checkpoint) if e.kind == "latest"] == [1, 2, 3]


def test_a_single_image_can_be_trained_on(small_mnist: Dataset) -> None:
    one = Dataset("mnist", small_mnist.train.rows(0, 1), small_mnist.held_out.rows(0, 1))
    run = alone(one)
    assert run.engine.exit_code == 0
    assert all(math.isfinite(e.elbo) for e in run.of(Epoch))


def test_training_improves_both_splits(small_mnist: Dataset) -> None:
    run = train(small_mnist, epochs=4, batch_size=50)
    for model, split in itertools.product(("small", "deep"), ("train", "held_out")):
        elbo = [e.elbo for e in run.of(Epoch, model) if e.split == split]
        assert elbo[-1] > elbo[0] + 50


def test_the_held_out_epoch_is_measured_with_the_weights_at_its_end(tiny_mnist: Dataset) -> None:
    run = alone(tiny_mnist)
    vae = VAE.from_spec(SMALL, 4, 0.2, generator(0, "weights"))
    measured = [e for e in run.of(Epoch) if e.split == "held_out"]
    for event, saved in zip(measured, run.store.latest["small"], strict=True):
        vae.load_state_dict(saved.weights)
        with torch.no_grad():
            kl = vae(tiny_mnist.held_out.images.float() / 255, torch.zeros(120, 4)).kl
        assert event.kl == pytest.approx(float(kl.sum(1).mean()), rel=1e-5)


def test_the_last_checkpoint_holds_the_final_weights(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist)
    for model in ("small", "deep"):
        first, last = run.store.latest[model]
        assert identical(last.weights, run.weights(model))
        assert not identical(first.weights, run.weights(model))


def test_the_best_weights_are_those_of_the_greatest_held_out_elbo(small_mnist: Dataset) -> None:
    """A learning rate at which the ELBO goes up and down."""
    run = train(small_mnist, models=(DEEP,), epochs=12, batch_size=50, lr=5e-2, schedule="constant")
    elbos = [e.elbo for e in run.of(Epoch) if e.split == "held_out" and e.elbo is not None]
    best = elbos.index(max(elbos)) + 1
    epochs = [e.epoch for e in run.of(Checkpoint) if e.kind == "best"]
    records = [epoch for epoch in range(1, 13) if elbos[epoch - 1] == max(elbos[:epoch])]
    assert epochs == records
    assert epochs[-1] == best < 12, "choose a learning rate at which the last epoch is not the best"
    assert identical(run.store.best["deep"][-1].weights, run.store.latest["deep"][best - 1].weights)


def test_pictures_show_the_same_images_at_every_epoch(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist)
    assert set(run.store.sheets) == {(model, epoch) for model in ("small", "deep") for epoch in (0, 1, 2)}
    rows = [sheet[56:84] for sheet in run.store.sheets.values()]
    assert all(np.array_equal(row, rows[0]) for row in rows)
    assert not np.array_equal(run.store.sheets["small", 0][:56], run.store.sheets["small", 2][:56])


def test_files_that_could_not_be_written_have_no_events(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist, store=MemoryStore(failing=True))
    assert run.engine.exit_code == 0
    assert run.of(Samples) == []
    assert run.of(Checkpoint) == []


def test_a_learned_sigma_is_trained_and_reported(small_mnist: Dataset) -> None:
    run = alone(small_mnist, sigma="learned", epochs=3, batch_size=50, lr=1e-2)
    sigmas = [e.sigma for e in run.of(Epoch) if e.split == "held_out"]
    assert len(set(sigmas)) == 3
    assert abs(sigmas[-1] - 0.2) > 0.01
    assert sigmas[-1] == pytest.approx(math.exp(float(run.weights("small")["decoder.log_sigma"])), rel=1e-6)


def test_a_fixed_sigma_stays(tiny_mnist: Dataset) -> None:
    run = alone(tiny_mnist, sigma=0.7, lr=1e-2)
    assert {round(e.sigma, 6) for e in run.of(Epoch)} == {0.7}


def test_bf16_products_train_fp32_weights_to_nearly_the_same(small_mnist: Dataset) -> None:
    elbo = {}
    for precision in ("fp32", "bf16"):
        run = train(small_mnist, models=(DEEP,), precision=precision, epochs=3)
        assert {weight.dtype for weight in run.weights("deep").values()} == {torch.float32}
        elbo[precision] = run.of(Epoch)[-1].elbo
    assert elbo["bf16"] != elbo["fp32"]
    assert elbo["bf16"] == pytest.approx(elbo["fp32"], abs=0.03 * abs(elbo["fp32"]))


def test_a_pause_is_reported_once_and_ends_with_running(tiny_mnist: Dataset) -> None:
    def pause_then_resume(engine: Engine, event: Event) -> None:
        if isinstance(event, Epoch) and (event.epoch, event.split) == (1, "train"):
            engine.pause("small")
        if isinstance(event, State) and event.state == "paused":
            engine.resume("small")

    run = alone(tiny_mnist, sinks=[pause_then_resume])
    assert [event.state for event in run.of(State)] == ["running", "paused", "running", "finished"]


@pytest.mark.parametrize("spec", [ModelSpec("one wide", (300,)), ModelSpec("three", (20, 10, 5))])
def test_any_number_of_hidden_layers(spec: ModelSpec, tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist, models=(spec,))
    assert run.engine.exit_code == 0
    assert run.of(Epoch)[-1].elbo > run.of(Epoch)[1].elbo
