"""A linear model that trains long enough comes near the exact limit, and never above it by more than chance."""

from __future__ import annotations

from typing import Any

import pytest

from tui_vae.config import ModelSpec
from tui_vae.data import Dataset
from tui_vae.data.image_ops import unit_interval
from tui_vae.evaluation.ppca import linear_limit
from tui_vae.events import Epoch, ModelStarted, PpcaOptimum
from tui_vae.training.validation import held_out_noise

from .running import DEEP, SMALL, Run, resolved, results, train


def trained(data: Dataset, sigma: float | str, epochs: int, **options: Any) -> Run:
    def find_limit(spec: ModelSpec) -> PpcaOptimum | None:
        return linear_limit(data.train.images, data.held_out.images, 4, sigma) if spec.linear else None

    optimiser = {"epochs": epochs, "batch_size": 50, "lr": 3e-2}
    return train(data, models=(SMALL,), sigma=sigma, **(optimiser | {"find_limit": find_limit} | options))


@pytest.mark.parametrize(("sigma", "near"), [(0.5, 1.0), ("learned", 5.0)])
def test_it_comes_near_its_limit(sigma: float | str, near: float, small_mnist: Dataset) -> None:
    run = trained(small_mnist, sigma, epochs=60)
    limit = run.of(ModelStarted)[0].limit
    assert limit is not None
    last = {event.split: event for event in run.of(Epoch)[-2:]}
    for split, exact in (("train", limit.train), ("held_out", limit.held_out)):
        # One draw of z an image: the means over 1,000 and 500 images have standard errors below 0.15 nats.
        assert exact - near < last[split].elbo < exact + 0.6
    assert last["held_out"].sigma == pytest.approx(limit.sigma, rel=0.01)


@pytest.mark.parametrize("step", ["general", "fused"])
def test_on_dequantised_images_it_comes_as_near_to_their_limit(step: str, small_mnist: Dataset) -> None:
    """As it comes with bytes / 255 to the limit of those, which is another one."""
    images, held_out = small_mnist.train.images, small_mnist.held_out.images
    noise = held_out_noise(resolved(small_mnist, dequantize=True), len(held_out))
    noisy = linear_limit(images, unit_interval(held_out, noise), 4, 0.2, dequantize=True)
    plain = linear_limit(images, held_out, 4, 0.2)
    assert abs(plain.held_out - noisy.held_out) > 2
    left = []
    for limit, options in ((plain, {}), (noisy, {"dequantize": True})):
        last = {
            event.split: event for event in trained(small_mnist, 0.2, epochs=30, step=step, **options).of(Epoch)[-2:]
        }
        left.append((limit.train - last["train"].elbo, limit.held_out - last["held_out"].elbo))
    assert left[1] == pytest.approx(left[0], abs=0.5)


def test_the_result_states_the_held_out_limit(tiny_mnist: Dataset) -> None:
    run = trained(tiny_mnist, 0.5, epochs=1)
    limit = run.of(ModelStarted)[0].limit
    assert limit is not None
    assert results(run).models[0].limit == limit.held_out


def test_each_model_is_asked_for_its_limit_once(tiny_mnist: Dataset) -> None:
    asked: list[str] = []

    def find_limit(spec: ModelSpec) -> None:
        asked.append(spec.name)

    train(tiny_mnist, models=(SMALL, DEEP), find_limit=find_limit)
    assert sorted(asked) == ["deep", "small"]
