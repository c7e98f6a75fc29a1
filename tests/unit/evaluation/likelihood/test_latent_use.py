"""The use of latents, against theory for the linear model."""

from __future__ import annotations

import pytest
import torch

from tests.numerics.linear_models import optimal_vae
from tests.numerics.test_elbo_against_exact import ZDIM
from tui_vae.data import Dataset, Split
from tui_vae.evaluation.likelihood.bounds import LatentUse, latent_use
from tui_vae.evaluation.ppca import LinearOptimum, covariance, linear_optimum
from tui_vae.model import gaussian_kl


def predicted_use(optimum: LinearOptimum) -> LatentUse:
    """The use by the optimal linear model on its training images: Var_x(E_q z_i) is 1 - sigma²/lambda_i, or 0."""
    variance = torch.zeros_like(optimum.kl_per_latent)
    known = len(optimum.eigenvalues)
    variance[:known] = (1 - optimum.sigma**2 / optimum.eigenvalues).clamp_min(0)
    return LatentUse(tuple(optimum.kl_per_latent.tolist()), tuple(variance.tolist()))


@torch.no_grad()
def use_at_the_optimum(optimum: LinearOptimum, images: torch.Tensor) -> LatentUse:
    mu, log_sigma = optimal_vae(optimum, torch.float64).encoder(images.double() / 255)
    return latent_use(mu, gaussian_kl(mu, log_sigma))


@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.5, 1.0, 1.5, "learned"])
def test_at_the_optimum_what_is_measured_is_what_theory_predicts(sigma: float | str, small_mnist: Dataset) -> None:
    """Moments are single precision within the model."""
    images = small_mnist.train.images
    optimum = linear_optimum(covariance(images), ZDIM, sigma)
    measured, predicted = use_at_the_optimum(optimum, images), predicted_use(optimum)
    assert measured.kl_per_latent == pytest.approx(predicted.kl_per_latent, abs=2e-6)
    assert measured.variance_of_means == pytest.approx(predicted.variance_of_means, abs=2e-6)
    assert measured.active_units == predicted.active_units == optimum.active


def test_just_beyond_the_threshold_of_collapse_a_latent_is_not_active(small_mnist: Dataset) -> None:
    """Active units need 1 - sigma²/lambda_i > 0.01, which is a little more than lambda_i > sigma²."""
    moments = covariance(small_mnist.train.images)
    optimum = linear_optimum(moments, ZDIM, float((moments.eigenvalues[4] * 0.995).sqrt()))
    measured = use_at_the_optimum(optimum, small_mnist.train.images)
    assert optimum.active == 5
    assert measured.kl_per_latent[4] > 0
    assert measured.active_units == predicted_use(optimum).active_units == 4


def test_at_sigma_1_twelve_of_32_latents_of_mnist_are_active(mnist: tuple[Split, Split]) -> None:
    optimum = linear_optimum(covariance(mnist[0].images), ZDIM, 1.0)
    measured = use_at_the_optimum(optimum, mnist[0].images[:20_000])
    assert measured.active_units == predicted_use(optimum).active_units == 12
    assert sum(kl == 0 for kl in measured.kl_per_latent) == 20


def test_more_latents_than_pixels_are_collapsed(small_mnist: Dataset) -> None:
    predicted = predicted_use(linear_optimum(covariance(small_mnist.train.images), 800, 0.2))
    assert len(predicted.variance_of_means) == len(predicted.kl_per_latent) == 800
    assert predicted.variance_of_means[784:] == predicted.kl_per_latent[784:] == (0.0,) * 16


def test_a_latent_is_active_by_the_variance_of_its_mean_not_by_its_kl() -> None:
    mu = torch.tensor([[0.0, -0.11, 3.0], [0.0, 0.11, 3.0]])  # variances 0, 0.0121, 0
    kl = torch.tensor([[0.2, 0.0, 4.5], [0.4, 0.0, 4.5]])
    use = latent_use(mu, kl)
    assert use.kl_per_latent == pytest.approx((0.3, 0.0, 4.5))
    assert use.variance_of_means == pytest.approx((0.0, 0.0121, 0.0))
    assert use.active_units == 1


def test_a_large_mean_does_not_drown_a_small_variance() -> None:
    mu = 1000 + 0.25 * torch.tensor([[1.0], [-1.0]]).repeat(5000, 1)
    assert latent_use(mu, torch.zeros(10_000, 1)).variance_of_means[0] == pytest.approx(0.0625, rel=1e-9)
