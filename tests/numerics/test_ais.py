"""Annealed importance sampling and its transitions on linear decoders, whose likelihoods and posteriors are known."""

from __future__ import annotations

import math

import pytest
import torch

from tests.numerics.linear_models import optimal_vae, perturbed_vae
from tui_vae.data import Dataset
from tui_vae.evaluation.likelihood.ais import AisConfig, ais
from tui_vae.evaluation.likelihood.bdmc import bdmc, simulate
from tui_vae.evaluation.likelihood.conditional_likelihood import Likelihood, dequantized, pixels
from tui_vae.evaluation.likelihood.hmc import AnnealingPath, leapfrog, transition
from tui_vae.evaluation.ppca import Covariance, covariance, exact_log_likelihood, linear_optimum
from tui_vae.model import VAE


@pytest.fixture(scope="module")
def moments(small_mnist: Dataset) -> Covariance:
    return covariance(small_mnist.train.images)


@pytest.fixture(scope="module")
def images(small_mnist: Dataset) -> torch.Tensor:
    return small_mnist.held_out.images[:8]


def model(moments: Covariance, zdim: int, sigma: float) -> VAE:
    return perturbed_vae(linear_optimum(moments, zdim, sigma))


def path_from_prior(vae: VAE, images: torch.Tensor) -> AnnealingPath:
    likelihood = Likelihood(vae)
    n = len(images)
    prior = torch.zeros(n, 1, vae.zdim), torch.ones(n, 1, vae.zdim)
    return AnnealingPath(likelihood, likelihood.observe(pixels(images)), *prior)


@pytest.mark.parametrize(
    ("zdim", "sigma"),
    [
        *((2, 0.5), (10, 0.2), (10, 1.0), (32, 0.5)),
        *(
            pytest.param(*case, marks=pytest.mark.long)
            for case in ((2, 0.2), (2, 1.0), (10, 0.5), (32, 0.2), (32, 1.0))
        ),
    ],
)
def test_it_is_within_half_a_nat_of_the_exact_answer(
    zdim: int, sigma: float, images: torch.Tensor, moments: Covariance
) -> None:
    vae = model(moments, zdim, sigma)
    result = ais(vae, images, AisConfig() if zdim > 2 and sigma == 0.2 else AisConfig(steps=250))
    lacking = exact_log_likelihood(vae, images) - result.estimate.values
    assert float(lacking.mean()) == pytest.approx(0, abs=0.5)
    assert result.mean_acceptance == pytest.approx(0.65, abs=0.05)
    assert float(result.acceptance.min()) > 0.2


def test_dequantised_images_and_long_trajectories(images: torch.Tensor, moments: Covariance) -> None:
    """trajectories of ten leapfrog steps; noise in the last bit of the pixels."""
    vae = model(moments, 4, 0.3)
    noisy = dequantized(images, torch.Generator().manual_seed(1))
    result = ais(vae, noisy, AisConfig(steps=100, leapfrog_steps=10))
    lacking = exact_log_likelihood(vae, noisy) - result.estimate.values
    assert float(lacking.mean()) == pytest.approx(0, abs=0.5)


def test_steps_adapted_at_a_part_of_the_temperatures_are_as_good(
    images: torch.Tensor, moments: Covariance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bounds and the acceptance of paths longer than the preliminary run."""
    monkeypatch.setattr("tui_vae.evaluation.likelihood.ais.ADAPTATION_STEPS", 250)
    plan = AisConfig(steps=600, chains=8)
    assert plan.adapted.diff().unique().tolist() == [2, 3]
    vae = model(moments, 10, 0.5)
    result = ais(vae, images, plan)
    lacking = exact_log_likelihood(vae, images) - result.estimate.values
    assert float(lacking.mean()) == pytest.approx(0, abs=0.5)
    assert result.mean_acceptance == pytest.approx(0.65, abs=0.05)


def test_from_the_exact_posterior_nothing_is_left_to_anneal(images: torch.Tensor, moments: Covariance) -> None:
    """All distributions on the way are the posterior then, and every weight is p(x), whatever the transitions do."""
    vae = optimal_vae(linear_optimum(moments, 32, 0.2))
    result = ais(vae, images, AisConfig(steps=8, chains=4, start="encoder"))
    torch.testing.assert_close(result.estimate.values, exact_log_likelihood(vae, images), rtol=0, atol=2e-3)


def test_from_an_encoder_that_is_off_it_comes_to_the_same(images: torch.Tensor, moments: Covariance) -> None:
    vae = model(moments, 10, 0.3)
    result = ais(vae, images, AisConfig(steps=200, start="encoder"))
    lacking = exact_log_likelihood(vae, images) - result.estimate.values
    assert float(lacking.mean()) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("start", ["prior", "encoder"])
def test_the_exact_value_is_in_the_sandwich(start: str, moments: Covariance) -> None:
    """Few steps, so that the bounds may be apart; within 4.5 standard errors of the mean over images."""
    vae = model(moments, 10, 0.3)
    plan = AisConfig(steps=60, chains=8, start="prior" if start == "prior" else "encoder")
    bounds = bdmc(vae, 40, plan, seed=3)
    exact = exact_log_likelihood(vae, simulate(vae, 40, seed=3).x)
    below, above = exact - bounds.lower.values, bounds.upper.values - exact
    for distance in (below, above):
        assert float(distance.mean()) > -4.5 * float(distance.std()) / math.sqrt(len(distance))
    assert bounds.gap.mean < 5
    torch.testing.assert_close(bounds.gap.values, below + above)


def test_more_steps_close_the_gap(moments: Covariance) -> None:
    vae = model(moments, 4, 0.3)
    gaps = [bdmc(vae, 16, AisConfig(steps=steps, chains=8)).gap.mean for steps in (5, 150)]
    assert gaps[0] > 2
    assert gaps[1] < 0.5


def test_single_weights_are_unbiased(moments: Covariance, images: torch.Tensor) -> None:
    """E w = p(x), also after few steps, where the log-weights are far below: 2,000 chains, 4.5 standard errors."""
    vae = model(moments, 2, 1.0)
    result = ais(vae, images[:2], AisConfig(steps=4, chains=2000)).estimate
    ratio = (result.values - exact_log_likelihood(vae, images[:2])).exp()
    assert bool(((ratio - 1).abs() < 4.5 * result.noise).all())
    assert float(result.noise.max()) < 0.1


def test_the_leapfrog_is_reversible(images: torch.Tensor, moments: Covariance) -> None:
    path = path_from_prior(model(moments, 10, 0.3), images)
    random = torch.Generator().manual_seed(0)
    first = path.point(torch.randn(8, 5, 10, generator=random))
    momentum = torch.randn(8, 5, 10, generator=random)
    step = 0.05 + 0.1 * torch.rand(8, 1, 10, generator=random)
    last, last_momentum = leapfrog(path, first, momentum, 0.4, step, 12)
    assert float((last.z - first.z).abs().mean()) > 0.1
    again, again_momentum = leapfrog(path, last, -last_momentum, 0.4, step, 12)
    torch.testing.assert_close(again.z, first.z, rtol=0, atol=1e-4)
    torch.testing.assert_close(again_momentum, -momentum, rtol=0, atol=1e-3)


def test_the_energy_error_falls_as_the_square_of_the_step(images: torch.Tensor, moments: Covariance) -> None:
    path, beta = path_from_prior(model(moments, 10, 0.5), images), 0.5
    random = torch.Generator().manual_seed(0)
    first = path.point(0.3 * torch.randn(8, 20, 10, generator=random))
    momentum = torch.randn(8, 20, 10, generator=random)
    errors = []
    for halvings in range(3):
        step = torch.full((8, 1, 10), 0.1 / 2**halvings)
        last, last_momentum = leapfrog(path, first, momentum, beta, step, 6 * 2**halvings)
        kinetic = 0.5 * (last_momentum.square() - momentum.square()).sum(-1)
        errors.append(float((path.energy(last, beta) - path.energy(first, beta) + kinetic).abs().mean()))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize("beta", [0.05, 0.6])
def test_a_transition_leaves_its_distribution_as_it_is(beta: float, images: torch.Tensor, moments: Covariance) -> None:
    """5,000 exact draws from p(z) p(x|z)^beta, which is a Gaussian, are such draws after 15 transitions, too."""
    vae = model(moments, 3, 0.5)
    path = path_from_prior(vae, images[:1])
    weight, bias = (tensor.detach().double() for tensor in vae.decoder.net[0].parameters())
    precision = torch.eye(3).double() + beta * weight.T @ weight / 0.5**2
    cov = torch.linalg.inv(precision)
    mean = cov @ weight.T @ (images[0].double() / 255 - bias) * beta / 0.5**2
    random = torch.Generator().manual_seed(7)
    draws = mean + torch.randn(5000, 3, generator=random, dtype=torch.float64) @ torch.linalg.cholesky(cov).T
    point = path.point(draws.float()[None])
    step = (0.9 * torch.diagonal(cov).sqrt()).float().view(1, 1, 3)
    refused = []
    for _ in range(15):
        point, accepted = transition(path, point, beta, step, 3, random)
        refused.append(1 - float(accepted.mean()))
    assert min(refused) > 0.02  # a wrong acceptance would tell
    z = point.z[0].double()
    deviation = torch.diagonal(cov).sqrt()
    assert bool(((z.mean(0) - mean).abs() < 4.5 * deviation / math.sqrt(5000)).all())
    # The relative standard error of an element of a covariance from n draws is at most sqrt(2 / n).
    scale = deviation[:, None] * deviation
    assert float(((torch.cov(z.T) - cov).abs() / scale).max()) < 4.5 * math.sqrt(2 / 5000)


def test_the_force_is_that_of_the_densities(images: torch.Tensor, moments: Covariance) -> None:
    """Against autograd through torch.distributions, for a start that is not the prior."""
    vae = model(moments, 4, 0.3)
    likelihood = Likelihood(vae)
    random = torch.Generator().manual_seed(2)
    mean, deviation = torch.randn(8, 1, 4, generator=random), torch.rand(8, 1, 4, generator=random) + 0.2
    path = AnnealingPath(likelihood, likelihood.observe(pixels(images)), mean, deviation)
    point = path.point(torch.randn(8, 6, 4, generator=random))
    z = point.z.double().requires_grad_()
    normal = torch.distributions.Normal
    weight, bias = (tensor.detach().double() for tensor in vae.decoder.net[0].parameters())
    joint = normal(z @ weight.T + bias, vae.decoder.sigma).log_prob(images.double()[:, None] / 255).sum(-1)
    joint = joint + normal(0, 1).log_prob(z).sum(-1)
    start = normal(mean.double(), deviation.double()).log_prob(z).sum(-1)
    for beta in (0.0, 0.3, 1.0):
        log_density = (1 - beta) * start + beta * joint
        (force,) = torch.autograd.grad(log_density.sum(), z, retain_graph=True)
        torch.testing.assert_close(path.force(point, beta).double(), force, rtol=1e-4, atol=2e-3)
    ratio = path.log_constant[:, None] + (point.start - point.end).double()
    torch.testing.assert_close(ratio, (joint - start).detach(), rtol=0, atol=2e-3)
