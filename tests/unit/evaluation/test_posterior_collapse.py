"""Which latents are used, against theory for the linear model, and the histogram of it."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.numerics.linear_models import optimal_vae
from tests.numerics.test_elbo_against_exact import ZDIM
from tui_vae.data import Dataset, Split
from tui_vae.evaluation.posterior_collapse import LatentUse, bin_edges, histogram, measured_use, predicted_use
from tui_vae.evaluation.ppca import LinearOptimum, covariance, linear_optimum
from tui_vae.model import gaussian_kl

values = st.floats(0, 1e4, allow_nan=False)


@torch.no_grad()
def use_at_the_optimum(optimum: LinearOptimum, images: torch.Tensor) -> LatentUse:
    mu, log_sigma = optimal_vae(optimum, torch.float64).encoder(images.double() / 255)
    return measured_use(mu, gaussian_kl(mu, log_sigma))


@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.5, 1.0, 1.5, "learned"])
def test_at_the_optimum_what_is_measured_is_what_theory_predicts(sigma: float | str, small_mnist: Dataset) -> None:
    """Moments are single precision within the model."""
    images = small_mnist.train.images
    optimum = linear_optimum(covariance(images), ZDIM, sigma)
    measured, predicted = use_at_the_optimum(optimum, images), predicted_use(optimum)
    assert measured.kl_per_latent == pytest.approx(predicted.kl_per_latent, abs=2e-6)
    assert measured.variance_of_means == pytest.approx(predicted.variance_of_means, abs=2e-6)
    assert measured.active_units == predicted.active_units == optimum.active
    assert measured.spectrum == pytest.approx(sorted(optimum.kl_per_latent.tolist(), reverse=True), abs=2e-6)


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
    use = measured_use(mu, kl)
    assert use.kl_per_latent == pytest.approx((0.3, 0.0, 4.5))
    assert use.variance_of_means == pytest.approx((0.0, 0.0121, 0.0))
    assert use.active_units == 1
    assert use.spectrum == pytest.approx((4.5, 0.3, 0.0))


def test_a_large_mean_does_not_drown_a_small_variance() -> None:
    mu = 1000 + 0.25 * torch.tensor([[1.0], [-1.0]]).repeat(5000, 1)
    assert measured_use(mu, torch.zeros(10_000, 1)).variance_of_means[0] == pytest.approx(0.0625, rel=1e-9)


@given(values, st.integers(1, 30))
def test_bins_are_equal_and_hold_the_largest(largest: float, most: int) -> None:
    edges = bin_edges(largest, most)
    assert edges[0] == 0
    assert 2 <= len(edges) <= most + 1
    assert edges[-2] <= largest or len(edges) == 2
    assert edges[-1] >= largest * (1 - 1e-12)
    widths = [high - low for low, high in itertools.pairwise(edges)]
    assert widths == pytest.approx([edges[1]] * len(widths))
    first_digits = edges[1] / 10 ** math.floor(math.log10(edges[1]) + 1e-9)
    assert any(first_digits == pytest.approx(digits) for digits in (1, 2, 2.5, 5, 10))


def test_bins_of_a_usual_spectrum_are_round() -> None:
    assert bin_edges(2.6) == pytest.approx([0.25 * index for index in range(12)])
    assert bin_edges(0.0)[0] == 0


@given(st.lists(values, max_size=50), st.integers(1, 12))
def test_no_latent_is_lost_from_the_histogram(kl: list[float], most: int) -> None:
    edges = bin_edges(max(kl, default=0.0), most)
    counts = histogram(kl, edges)
    assert len(counts) == len(edges) - 1
    assert sum(counts) == len(kl)
    for index, count in enumerate(counts[:-1]):
        assert count == sum(edges[index] <= value < edges[index + 1] for value in kl)


def test_values_at_and_beyond_the_edges() -> None:
    assert histogram((-1e-9, 0.0, 0.5, 0.999, 1.0, 2.0, 2.5), (0.0, 1.0, 2.0)) == (4, 3)
