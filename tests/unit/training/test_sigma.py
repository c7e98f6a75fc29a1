"""A learned sigma: where it starts, and that no step leaves it below its floor."""

from __future__ import annotations

import pytest
import torch

from tui_vae.config import ModelSpec
from tui_vae.data import Dataset
from tui_vae.data.generators import generator
from tui_vae.evaluation.ppca import covariance, linear_optimum
from tui_vae.events import Epoch
from tui_vae.model import VAE

from .running import SMALL, Run, train


def sigmas(run: Run) -> list[float]:
    return [event.sigma for event in run.of(Epoch) if event.sigma is not None]


@pytest.mark.parametrize(("sigma", "start"), [("learned", 0.2), ("learned:0.5", 0.5), ("learned:0.7:0.1", 0.7)])
def test_it_starts_where_it_is_told(sigma: str, start: float) -> None:
    vae = VAE.from_spec(ModelSpec("any"), 4, sigma, generator(0, "weights"))
    assert vae.decoder.sigma == pytest.approx(start, rel=1e-6)
    assert vae.decoder.log_sigma.requires_grad


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("step", ["general", "fused"])
def test_no_step_leaves_it_below_its_floor(step: str, threads: int, small_mnist: Dataset) -> None:
    """Without one it falls below, to some 0.3."""
    options = {"models": (SMALL,), "epochs": 8, "batch_size": 50, "lr": 1e-2, "step": step, "threads": threads}
    free = sigmas(train(small_mnist, sigma="learned:0.5", **options))
    held = sigmas(train(small_mnist, sigma="learned:0.5:0.4", **options))
    assert min(free) < 0.38
    assert min(held) >= 0.4 - 1e-6
    assert held[-1] == pytest.approx(0.4, abs=1e-6)


def test_the_limit_of_a_linear_model_keeps_to_the_floor(small_mnist: Dataset) -> None:
    moments = covariance(small_mnist.train.images)
    learned = linear_optimum(moments, 4, "learned")
    above = linear_optimum(moments, 4, f"learned:1:{2 * learned.sigma}")
    below = linear_optimum(moments, 4, f"learned:1:{0.5 * learned.sigma}")
    assert below.train_log_likelihood == learned.train_log_likelihood
    fixed = linear_optimum(moments, 4, above.sigma)
    assert above.sigma == pytest.approx(2 * learned.sigma)
    assert torch.equal(above.weight, fixed.weight)
    assert above.train_log_likelihood == fixed.train_log_likelihood
