"""The exact optimum of the linear model against published numbers, general formulas and direct evaluation."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import LowRankMultivariateNormal, MultivariateNormal

from tui_vae.data import Dataset, Split
from tui_vae.errors import UsageError
from tui_vae.evaluation.ppca import (
    Covariance,
    LinearOptimum,
    covariance,
    dequantized_covariance,
    linear_limit,
    linear_log_likelihood,
    linear_optimum,
)


@pytest.fixture(scope="module")
def moments(mnist: tuple[Split, Split]) -> Covariance:
    """Of all 60,000 training images."""
    return covariance(mnist[0].images)


@pytest.fixture(scope="module")
def small_moments(small_mnist: Dataset) -> Covariance:
    return covariance(small_mnist.train.images)


@pytest.mark.parametrize(
    ("sigma", "log_likelihood", "active"),
    [(0.2, 310.73, 32), (0.3, 97.44, 32), (0.5, -239.79, None), (1.0, -743.10, 12)],
)
def test_mean_log_likelihood_of_the_test_split(
    sigma: float, log_likelihood: float, active: int | None, moments: Covariance, mnist: tuple[Split, Split]
) -> None:
    optimum = linear_optimum(moments, 32, sigma)
    values = linear_log_likelihood(mnist[1].images, optimum.weight, optimum.mean, optimum.sigma)
    assert values.shape == (10_000,)
    assert float(values.mean()) == pytest.approx(log_likelihood, abs=0.005)
    assert active is None or optimum.active == active


def test_moments_are_those_of_the_images_in_double_precision(small_mnist: Dataset, small_moments: Covariance) -> None:
    x = small_mnist.train.images.double() / 255
    torch.testing.assert_close(small_moments.mean, x.mean(0), rtol=1e-12, atol=1e-14)
    reference = torch.cov(x.T, correction=0)
    vectors = small_moments.eigenvectors
    rebuilt = vectors @ torch.diag(small_moments.eigenvalues) @ vectors.T
    torch.testing.assert_close(rebuilt, reference, rtol=0, atol=1e-12)
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(784, dtype=torch.float64), rtol=0, atol=1e-12)
    assert bool((small_moments.eigenvalues.diff() <= 0).all())
    assert float(small_moments.eigenvalues.min()) >= 0


@pytest.mark.parametrize("latents", [1, 4, 32])
@pytest.mark.parametrize("sigma", [0.2, 1.0])
def test_log_likelihood_of_any_linear_decoder(latents: int, sigma: float, small_mnist: Dataset) -> None:
    random = torch.Generator().manual_seed(latents)
    weight = torch.randn(784, latents, generator=random, dtype=torch.float64)
    bias = torch.randn(784, generator=random, dtype=torch.float64)
    images = small_mnist.held_out.images[:40]
    x = images.double() / 255
    mine = linear_log_likelihood(images, weight, bias, sigma)
    dense = weight @ weight.T + sigma**2 * torch.eye(784, dtype=torch.float64)
    low_rank = LowRankMultivariateNormal(bias, weight, torch.full((784,), sigma**2, dtype=torch.float64))
    assert mine.dtype == torch.float64
    torch.testing.assert_close(mine, MultivariateNormal(bias, dense).log_prob(x), rtol=1e-9, atol=1e-8)
    torch.testing.assert_close(mine, low_rank.log_prob(x), rtol=1e-9, atol=1e-8)


def test_log_likelihood_does_not_depend_on_how_images_are_batched(small_mnist: Dataset) -> None:
    images = small_mnist.train.images.repeat(5, 1)  # more than one block of rows
    weight = torch.randn(784, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    bias = torch.zeros(784)
    values = linear_log_likelihood(images, weight, bias, 0.5)
    one_by_one = torch.cat([linear_log_likelihood(images[i : i + 1], weight, bias, 0.5) for i in (0, 999, 4095, 4999)])
    torch.testing.assert_close(values[[0, 999, 4095, 4999]], one_by_one, rtol=1e-12, atol=0)


@pytest.mark.parametrize("sigma", [0.2, 0.3, 1.0, 2.5, "learned"])
def test_training_mean_of_log_likelihood(sigma: float | str, small_mnist: Dataset, small_moments: Covariance) -> None:
    """The closed form of the training mean against the density of every image."""
    optimum = linear_optimum(small_moments, 32, sigma)
    values = linear_log_likelihood(small_mnist.train.images, optimum.weight, optimum.mean, optimum.sigma)
    assert float(values.mean()) == pytest.approx(optimum.train_log_likelihood, abs=1e-7)


def posterior(optimum: LinearOptimum, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean ``(n, m)`` and covariance ``(m, m)`` of p(z|x) by Bayes' rule for any linear decoder."""
    precision = torch.eye(optimum.weight.shape[1], dtype=torch.float64) + optimum.weight.T @ optimum.weight / (
        optimum.sigma**2
    )
    cov = torch.linalg.inv(precision)
    return (x - optimum.mean) @ optimum.weight @ cov / optimum.sigma**2, cov


@pytest.mark.parametrize(("sigma", "active"), [(0.2, 32), (1.0, 11), (2.5, 0), ("learned", 32)])
def test_kl_and_squared_error_at_the_optimum(
    sigma: float | str, active: int, small_mnist: Dataset, small_moments: Covariance
) -> None:
    """Both training means against the posterior and the decoder themselves."""
    optimum = linear_optimum(small_moments, 32, sigma)
    variance, values = optimum.sigma**2, small_moments.eigenvalues
    assert optimum.active == active == int((values[:32] > variance).sum())
    x = small_mnist.train.images.double() / 255
    mean, cov = posterior(optimum, x)
    # The posterior factorises, and its variance is sigma²/lambda, or 1 where the latent collapsed.
    expected = torch.where(values[:32] > variance, variance / values[:32], torch.ones(32, dtype=torch.float64))
    torch.testing.assert_close(cov, torch.diag(expected), rtol=0, atol=1e-12)
    kl = 0.5 * (mean.square() + expected - 1 - expected.log()).mean(0)
    torch.testing.assert_close(optimum.kl_per_latent, kl, rtol=1e-9, atol=1e-10)
    formula = torch.where(values[:32] > variance, 0.5 * torch.log(values[:32] / variance), torch.zeros(32).double())
    torch.testing.assert_close(optimum.kl_per_latent, formula, rtol=1e-12, atol=0)
    residual = x - mean @ optimum.weight.T - optimum.mean
    error = residual.square().sum(1).mean() + torch.trace(optimum.weight @ cov @ optimum.weight.T)
    assert float(error) == pytest.approx(float(active * variance + values[active:].sum()), rel=1e-9)
    # ELBO = log p(x): reconstruction minus KL is the likelihood.
    reconstruction = -0.5 * float(error) / variance - 392 * math.log(2 * math.pi * variance)
    assert reconstruction - float(kl.sum()) == pytest.approx(optimum.train_log_likelihood, abs=1e-7)


def test_collapsed_latents_have_no_column(small_moments: Covariance) -> None:
    optimum = linear_optimum(small_moments, 32, 1.0)
    assert 0 < optimum.active < 32
    assert bool((optimum.weight[:, optimum.active :] == 0).all())
    assert bool((optimum.weight[:, : optimum.active].norm(dim=0) > 0).all())


@pytest.mark.parametrize("zdim", [1, 8, 32])
def test_learned_sigma(zdim: int, small_moments: Covariance) -> None:
    optimum = linear_optimum(small_moments, zdim, "learned")
    values = small_moments.eigenvalues
    assert optimum.sigma == pytest.approx(math.sqrt(float(values[zdim:].sum()) / (784 - zdim)), rel=1e-12)
    # It is the best of all fixed ones.
    for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0):
        other = linear_optimum(small_moments, zdim, factor * optimum.sigma)
        assert other.train_log_likelihood < optimum.train_log_likelihood


@pytest.mark.parametrize("sigma", [0.2, 1.0])
def test_no_other_linear_decoder_is_better_on_the_training_images(
    sigma: float, small_mnist: Dataset, small_moments: Covariance
) -> None:
    optimum = linear_optimum(small_moments, 8, sigma)
    random = torch.Generator().manual_seed(0)
    images = small_mnist.train.images
    for size in (1e-3, 1e-2, 1e-1):
        weight = optimum.weight + size * torch.randn(784, 8, generator=random, dtype=torch.float64)
        mean = optimum.mean + size * torch.randn(784, generator=random, dtype=torch.float64)
        assert float(linear_log_likelihood(images, weight, mean, sigma).mean()) < optimum.train_log_likelihood


@pytest.mark.parametrize("zdim", [784, 1000])
def test_more_latents_than_variance(zdim: int, small_moments: Covariance, small_mnist: Dataset) -> None:
    optimum = linear_optimum(small_moments, zdim, 0.2)
    assert optimum.weight.shape == (784, zdim)
    assert optimum.kl_per_latent.shape == (zdim,)
    values = linear_log_likelihood(small_mnist.train.images, optimum.weight, optimum.mean, 0.2)
    assert float(values.mean()) == pytest.approx(optimum.train_log_likelihood, abs=1e-6)
    with pytest.raises(UsageError, match="--sigma"):
        linear_optimum(small_moments, zdim, "learned")


@pytest.mark.parametrize("sigma", [0.02, 0.2, "learned"])
def test_the_optimum_on_dequantised_images_is_that_in_expectation(
    sigma: float | str, small_mnist: Dataset, small_moments: Covariance
) -> None:
    images, random = small_mnist.train.images.double(), torch.Generator().manual_seed(0)
    optimum = linear_optimum(dequantized_covariance(small_moments), 8, sigma)
    plain = linear_optimum(small_moments, 8, sigma)
    reached, without = [], []
    for _ in range(20):
        x = (images + torch.rand(images.shape, generator=random, dtype=torch.float64)) / 256
        reached.append(float(linear_log_likelihood(x, optimum.weight, optimum.mean, optimum.sigma).mean()))
        without.append(float(linear_log_likelihood(x, plain.weight, plain.mean, plain.sigma).mean()))
    values = torch.tensor(reached, dtype=torch.float64)
    error = float(values.std()) / len(reached) ** 0.5
    assert abs(float(values.mean()) - optimum.train_log_likelihood) < 4.5 * error
    assert sum(without) / len(without) < optimum.train_log_likelihood - 4.5 * error


@pytest.mark.parametrize("sigma", [0.2, 1.0, "learned"])
def test_the_limit_of_a_run(sigma: float | str, small_mnist: Dataset, small_moments: Covariance) -> None:
    limit = linear_limit(small_mnist.train.images, small_mnist.held_out.images, 8, sigma)
    optimum = linear_optimum(small_moments, 8, sigma)
    held_out = linear_log_likelihood(small_mnist.held_out.images, optimum.weight, optimum.mean, optimum.sigma).mean()
    assert limit.train == optimum.train_log_likelihood
    assert limit.held_out == pytest.approx(float(held_out), rel=1e-12)
    assert limit.sigma == optimum.sigma
    assert limit.kl_per_latent == tuple(sorted(optimum.kl_per_latent.tolist(), reverse=True))
    assert len(limit.kl_per_latent) == 8
