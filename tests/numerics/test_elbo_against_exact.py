"""The project's own VAE, its weights set to the optimum: the ELBO is the exact log-likelihood of every image."""

from __future__ import annotations

import math

import pytest
import torch

from tests.numerics.linear_models import optimal_vae
from tui_vae.data import Dataset
from tui_vae.evaluation.ppca import LinearOptimum, covariance, linear_log_likelihood, linear_optimum
from tui_vae.model import VAE

ZDIM = 32


@pytest.fixture(scope="module", params=[0.2, 0.5, 1.0, "learned"], ids=str)
def optimum(request: pytest.FixtureRequest, small_mnist: Dataset) -> LinearOptimum:
    return linear_optimum(covariance(small_mnist.train.images), ZDIM, request.param)


@torch.no_grad()
def elbo_without_sampling_error(vae: VAE, x: torch.Tensor) -> torch.Tensor:
    """The ELBO of each image, ``(n,)``, with its expectation over z taken exactly.

    log p(x|z) of a linear decoder is quadratic in the noise. Its mean over the 2m points ±sqrt(m) e_i equals its mean
    under N(0, I), for these have the same first and second moments: 2m antithetic draws without a standard error.
    """
    total = torch.zeros(len(x), dtype=torch.float64)
    for unit in torch.eye(vae.zdim, dtype=torch.float64):
        for sign in (1, -1):
            terms = vae(x, (sign * math.sqrt(vae.zdim) * unit).expand(len(x), vae.zdim))
            total += terms.reconstruction - terms.kl.sum(1)
    return total / (2 * vae.zdim)


def test_the_points_have_the_moments_of_the_noise() -> None:
    points = math.sqrt(ZDIM) * torch.cat((torch.eye(ZDIM), -torch.eye(ZDIM))).double()
    torch.testing.assert_close(points.mean(0), torch.zeros(ZDIM).double())
    torch.testing.assert_close(points.T @ points / len(points), torch.eye(ZDIM).double())


def test_elbo_of_every_image_is_its_log_likelihood(optimum: LinearOptimum, small_mnist: Dataset) -> None:
    """Without sampling error what is left is rounding: moments are fp32 within the model, 1e-3 nats of some 300."""
    vae = optimal_vae(optimum, torch.float64)
    for images in (small_mnist.held_out.images, small_mnist.train.images):
        elbo = elbo_without_sampling_error(vae, images.double() / 255)
        exact = linear_log_likelihood(images, optimum.weight, optimum.mean, optimum.sigma)
        torch.testing.assert_close(elbo, exact, rtol=0, atol=1e-3)
        assert float(elbo.mean()) == pytest.approx(float(exact.mean()), abs=1e-4)
    # The mean over the images of training has a closed form of its own.
    assert float(elbo.mean()) == pytest.approx(optimum.train_log_likelihood, abs=1e-4)


@torch.no_grad()
def test_kl_of_each_latent_is_the_closed_form(optimum: LinearOptimum, small_mnist: Dataset) -> None:
    x = small_mnist.train.images.double() / 255
    terms = optimal_vae(optimum, torch.float64)(x, torch.zeros(len(x), ZDIM, dtype=torch.float64))
    torch.testing.assert_close(terms.kl.mean(0).double(), optimum.kl_per_latent, rtol=1e-5, atol=1e-6)
    assert bool((terms.kl[:, optimum.kl_per_latent == 0] == 0).all())


@torch.no_grad()
def test_random_draws_agree_within_their_standard_error(optimum: LinearOptimum, small_mnist: Dataset) -> None:
    """40 draws an image; each image's mean is compared, so that the spread between images does not count."""
    vae, x = optimal_vae(optimum, torch.float64), small_mnist.train.images.double() / 255
    random = torch.Generator().manual_seed(5)
    draws = []
    for _ in range(40):
        terms = vae(x, torch.randn(len(x), ZDIM, generator=random, dtype=torch.float64))
        draws.append(terms.reconstruction - terms.kl.sum(1))
    elbo = torch.stack(draws)  # (draws, images)
    standard_error = float(elbo.var(0).mean().sqrt()) / math.sqrt(elbo.numel())
    assert standard_error < 0.03
    assert float(elbo.mean()) == pytest.approx(optimum.train_log_likelihood, abs=4.5 * standard_error)


@pytest.mark.parametrize("change", ["mean", "spread", "decoder"])
def test_away_from_the_optimum_the_elbo_is_below(change: str, small_mnist: Dataset) -> None:
    optimum = linear_optimum(covariance(small_mnist.train.images), 8, 0.2)
    vae = optimal_vae(optimum, torch.float64)
    with torch.no_grad():
        if change == "mean":
            vae.encoder.net[0].weight[:8] *= 1.02
        elif change == "spread":
            vae.encoder.net[0].bias[8:] += 0.1
        else:
            vae.decoder.net[0].weight.mul_(1.02)
    elbo = elbo_without_sampling_error(vae, small_mnist.train.images.double() / 255)
    assert float(elbo.mean()) < optimum.train_log_likelihood - 0.05
