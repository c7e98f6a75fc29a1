"""Annealing as a program: settings, seeds, batches, progress and what bad input gets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import torch
from torch import Tensor

from tests.unit.evaluation.likelihood.models import small_vae
from tui_vae.errors import TuiVaeError, UsageError
from tui_vae.evaluation.likelihood.ais import AisConfig, ais, geometric
from tui_vae.evaluation.likelihood.bdmc import bdmc, simulate
from tui_vae.evaluation.likelihood.estimate import LikelihoodEstimate
from tui_vae.evaluation.ppca import exact_log_likelihood

FEW = AisConfig(steps=6, chains=4)


def mean_noise(estimate: LikelihoodEstimate) -> float:
    """Standard error of the mean for other random numbers on the same images."""
    return float(estimate.noise.square().sum().sqrt() / len(estimate.noise))


@pytest.mark.parametrize("steps", [1, 2, 500])
def test_the_schedule_rises_from_0_to_1(steps: int) -> None:
    betas = geometric(steps)
    assert betas.shape == (steps + 1,)
    assert betas[0] == 0
    assert betas[-1] == 1
    assert bool((betas.diff() > 0).all())


def test_the_schedule_is_geometric() -> None:
    growth = geometric(100) + 0.05
    torch.testing.assert_close(growth[1:] / growth[:-1], torch.full((100,), 21 ** (1 / 100)).double())


@pytest.mark.parametrize("name", ["steps", "chains", "leapfrog_steps"])
def test_a_plan_needs_one_of_each(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        AisConfig(**{name: 0})


def test_a_seed_decides_and_nothing_else_is_touched(images: torch.Tensor) -> None:
    vae = small_vae()
    weights = {name: tensor.clone() for name, tensor in vae.state_dict().items()}
    before = torch.get_rng_state()
    first, same, other = (ais(vae, images, FEW, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.estimate.values, same.estimate.values)
    assert torch.equal(first.acceptance, same.acceptance)
    assert not torch.equal(first.estimate.values, other.estimate.values)
    assert all(torch.equal(weights[name], tensor) for name, tensor in vae.state_dict().items())
    assert all(parameter.grad is None for parameter in vae.parameters())
    assert first.acceptance.shape == (5,)


def test_a_single_step_is_importance_sampling_from_the_prior(images: torch.Tensor) -> None:
    vae = small_vae((), zdim=1, sigma=1.0)
    result = ais(vae, images, AisConfig(steps=1, chains=2000))
    assert math.isnan(result.mean_acceptance)
    error = result.estimate.values - exact_log_likelihood(vae, images)
    assert bool((error.abs() < 4.5 * result.estimate.noise).all())
    assert float(result.estimate.noise.max()) < 0.2


def test_batches_of_one_image_give_as_good_an_answer(images: torch.Tensor) -> None:
    """The draws differ then, so that results do within their noise: 4.5 standard errors."""
    vae = small_vae()
    plan = AisConfig(steps=30, chains=8)
    whole, single = (ais(vae, images[:10], plan, memory=memory).estimate for memory in (10**8, 60_000))
    assert not torch.equal(whole.values, single.values)
    error = math.hypot(mean_noise(whole), mean_noise(single))
    assert whole.mean == pytest.approx(single.mean, abs=4.5 * error)


def test_progress_rises_to_the_whole_and_may_end_the_work(images: torch.Tensor) -> None:
    for work in (ais, bdmc):
        shares: list[float] = []
        work(small_vae(), images if work is ais else 40, FEW, report=shares.append)
        assert all(earlier < later for earlier, later in itertools.pairwise(shares))
        assert shares[-1] == pytest.approx(1)

        def stop(share: float) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            work(small_vae(), images if work is ais else 40, FEW, report=stop)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_does_not_matter_whether_derivatives_are_off(
    mode: Callable[[], AbstractContextManager[None]], images: Tensor
) -> None:
    expected = ais(small_vae(), images, FEW).estimate.values
    with mode():
        assert torch.equal(ais(small_vae(), images, FEW).estimate.values, expected)
        assert bdmc(small_vae(), 3, FEW).gap.values.shape == (3,)


@pytest.mark.parametrize("plan", [AisConfig(chains=10**9), AisConfig(steps=10**12)], ids=["chains", "steps"])
def test_what_does_not_fit_is_refused_before_anything_is_allocated(plan: AisConfig, images: torch.Tensor) -> None:
    for work in (ais, bdmc):
        with pytest.raises(UsageError, match=r"takes [\d,]+ bytes of memory, more than the 268,435,456 allowed"):
            work(small_vae(), images if work is ais else 40, plan)


def test_weights_that_are_no_numbers_are_refused(images: torch.Tensor) -> None:
    vae = small_vae()
    with torch.no_grad():
        vae.encoder.net[0].bias[0] = torch.inf
    for work in (ais, bdmc):
        with pytest.raises(TuiVaeError, match=r"encoder\.net\.0\.bias"):
            work(vae, images if work is ais else 40, FEW)


def test_simulated_images_are_of_the_model() -> None:
    vae = small_vae((), sigma=0.5)
    before = torch.get_rng_state()
    made = simulate(vae, 300, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.no_grad():
        noise = (made.x - vae.decoder(made.z)) / 0.5
    for values in (noise, made.z):
        n = values.numel()
        assert abs(float(values.mean())) < 4.5 / math.sqrt(n)
        assert abs(float(values.var()) - 1) < 4.5 * math.sqrt(2 / n)


def test_bounds_of_few_steps_enclose_what_those_of_many_do() -> None:
    """A deep model, whose likelihood nobody knows: 4.5 standard errors of the mean over images."""
    vae = small_vae((24,), zdim=4, sigma=0.05)
    few, many = (bdmc(vae, 24, AisConfig(steps=steps)) for steps in (8, 200))
    assert many.gap.mean < few.gap.mean
    assert few.gap.mean > 4.5 * few.gap.standard_error
    for gain in (many.lower.values - few.lower.values, few.upper.values - many.upper.values):
        assert float(gain.mean()) > -4.5 * float(gain.std()) / math.sqrt(24)
