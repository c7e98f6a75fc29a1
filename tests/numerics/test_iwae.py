"""IWAE and the ELBO against the exact likelihood of linear decoders and against torch.distributions."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch.distributions import Normal

from tests.numerics.linear_models import optimal_vae, perturbed_vae
from tui_vae.config import ModelSpec
from tui_vae.data import Dataset
from tui_vae.data.generators import generator
from tui_vae.evaluation.likelihood.bounds import elbo_per_image, iwae_bound
from tui_vae.evaluation.ppca import covariance, exact_log_likelihood, linear_optimum
from tui_vae.model import VAE


@pytest.fixture(scope="module")
def images(small_mnist: Dataset) -> torch.Tensor:
    return small_mnist.held_out.images[:200]


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0])
def test_with_the_exact_posterior_a_single_sample_gives_the_exact_value(sigma: float, small_mnist: Dataset) -> None:
    """Every weight is p(x) then: no spread, whatever is drawn; what is left is rounding."""
    vae = optimal_vae(linear_optimum(covariance(small_mnist.train.images), 32, sigma))
    images = small_mnist.held_out.images
    exact = exact_log_likelihood(vae, images)
    for samples in (1, 50):
        estimate = iwae_bound(vae, images, samples)
        torch.testing.assert_close(estimate.values, exact, rtol=0, atol=1e-3)
    assert float(estimate.noise.max()) < 1e-3
    assert float(estimate.effective.min()) == pytest.approx(50, abs=1e-3)


@pytest.mark.parametrize(("zdim", "sigma"), [(2, 0.2), (10, 0.5), (32, 0.2)])
def test_it_rises_with_the_samples_and_stays_under_the_exact_value(
    zdim: int, sigma: float, images: torch.Tensor, small_mnist: Dataset
) -> None:
    """Image by image, so that the spread between images does not count: 4.5 standard errors of the mean difference."""
    vae = perturbed_vae(linear_optimum(covariance(small_mnist.train.images), zdim, sigma), size=0.2)
    exact = exact_log_likelihood(vae, images)
    gaps = [exact - iwae_bound(vae, images, samples, seed=samples).values for samples in (1, 5, 50, 500)]
    for worse, better in itertools.pairwise(gaps):
        gain = worse - better
        assert float(gain.mean()) > -4.5 * float(gain.std()) / math.sqrt(len(gain))
    for gap in gaps:
        assert float(gap.mean()) > -4.5 * float(gap.std()) / math.sqrt(len(gap))
    # The bound is worth its name: far from tight with one sample, nearly so with many.
    assert float(gaps[0].mean()) > 0.5
    assert float(gaps[-1].mean()) < 0.4 * float(gaps[0].mean())


def test_with_one_sample_it_is_the_elbo(images: torch.Tensor, small_mnist: Dataset) -> None:
    """In mean over 100 seeds, against as many other draws of the ELBO: 4.5 standard errors."""
    vae = perturbed_vae(linear_optimum(covariance(small_mnist.train.images), 10, 0.2))
    single = torch.stack([iwae_bound(vae, images, 1, seed=seed).values for seed in range(100)])
    elbo = torch.stack([elbo_per_image(vae, images, seed=seed).elbo for seed in range(1000, 1100)])
    error = float((single.var(0) + elbo.var(0)).mean().sqrt()) / math.sqrt(single.numel())
    assert float(single.mean() - elbo.mean()) == pytest.approx(0, abs=4.5 * error)
    assert error < 0.1


def test_every_estimate_against_densities_of_torch(images: torch.Tensor) -> None:
    """A deep model, the weights from torch.distributions in float64 with the same draws."""
    vae = VAE.from_spec(ModelSpec("deep", (24, 12)), 5, 0.3, torch.Generator().manual_seed(3))
    samples = 7
    estimate = iwae_bound(vae, images, samples, seed=11)
    noise = noise_of(len(images), samples, 5, seed=11)
    double = VAE.fully_connected((24, 12), 5, 0.3).double()
    double.load_state_dict(vae.state_dict())
    x = images.double() / 255
    with torch.no_grad():
        mu, log_sigma = double.encoder(x)
        mu, log_sigma = mu.double()[:, None], log_sigma.double()[:, None]
        z = mu + log_sigma.exp() * noise
        mean = double.decoder.net(z)
    log_weights = (
        Normal(mean, double.decoder.sigma).log_prob(x[:, None]).sum(-1)
        + Normal(0, 1).log_prob(z).sum(-1)
        - Normal(mu, log_sigma.exp()).log_prob(z).sum(-1)
    )
    expected = log_weights.logsumexp(1) - math.log(samples)
    torch.testing.assert_close(estimate.values, expected, rtol=0, atol=2e-3)
    weights = (log_weights - expected[:, None]).exp()
    torch.testing.assert_close(estimate.noise, weights.std(1) / math.sqrt(samples), rtol=2e-2, atol=1e-5)
    torch.testing.assert_close(
        estimate.effective, weights.sum(1).square() / weights.square().sum(1), rtol=2e-2, atol=1e-5
    )


def noise_of(n: int, samples: int, zdim: int, seed: int) -> torch.Tensor:
    """The noise that an image's own generator gives."""
    whole = [torch.randn(16, zdim, generator=generator(seed, "IWAE noise", index)) for index in range(n)]
    return torch.stack(whole)[:, :samples].double()


def test_the_standard_error_is_that_of_other_seeds(images: torch.Tensor, small_mnist: Dataset) -> None:
    """With many samples and a good encoder the delta method holds: within the error of a spread from 200 seeds."""
    vae = perturbed_vae(linear_optimum(covariance(small_mnist.train.images), 2, 0.5), size=0.02)
    runs = [iwae_bound(vae, images[:50], 200, seed=seed) for seed in range(200)]
    spread = torch.stack([run.values for run in runs]).std(0)
    claimed = torch.stack([run.noise for run in runs]).square().mean(0).sqrt()
    # A standard deviation from 200 values has a relative error of 1/sqrt(400) = 5 %; of 50 ratios' mean, 0.7 %.
    assert float((spread / claimed).mean()) == pytest.approx(1, abs=0.05)


def test_more_draws_give_the_same_elbo_with_less_noise(images: torch.Tensor) -> None:
    """Of a deep model; that of a linear one is in closed form."""
    vae = VAE.from_spec(ModelSpec("deep", (24, 12)), 10, 0.5, torch.Generator().manual_seed(3))
    single, many = (
        torch.stack([elbo_per_image(vae, images, draws_per_image=count, seed=seed).elbo for seed in range(40)])
        for count in (1, 25)
    )
    ratio = float(single.var(0).mean() / many.var(0).mean())
    assert ratio == pytest.approx(25, rel=0.15)
    error = float((single.var(0) + many.var(0)).mean().sqrt()) / math.sqrt(single.numel())
    assert float(single.mean() - many.mean()) == pytest.approx(0, abs=4.5 * error)
