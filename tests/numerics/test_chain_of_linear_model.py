"""The encode–decode chain of the optimal linear model is AR(1) in every latent.

With r = sigma²/lambda_i (1 for a collapsed latent), z_i goes to (1 - r) z_i plus noise whose variance depends on what
is sampled: r from the encoder, r (1 - r) from the decoder. Many chains run side by side for a few steps; all tolerances
are standard errors of Gaussian samples. There are 32 latents and several lags, hence 5 of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.numerics.linear_models import optimal_vae
from tests.numerics.test_elbo_against_exact import ZDIM
from tui_vae.data import Dataset
from tui_vae.evaluation.pictures import start_from_data, start_from_prior
from tui_vae.evaluation.ppca import LinearOptimum, covariance, linear_optimum
from tui_vae.model.chain import MEANS, SAMPLES, Variant, chain

CHAINS = 2000
VARIANTS = (SAMPLES, Variant("mean", "sample"), Variant("sample", "mean"), MEANS)
each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)


@pytest.fixture(scope="module", params=[0.3, 1.0])
def optimum(request: pytest.FixtureRequest, small_mnist: Dataset) -> LinearOptimum:
    return linear_optimum(covariance(small_mnist.train.images), ZDIM, request.param)


def rate(optimum: LinearOptimum) -> Tensor:
    """r of each latent, ``(zdim,)``."""
    return (optimum.sigma**2 / optimum.eigenvalues).clamp_max(1)


def trajectories(optimum: LinearOptimum, start: Tensor, variant: Variant, steps: int) -> Tensor:
    """z_1, z_2, …: ``(steps, chains, zdim)``."""
    links = itertools.islice(chain(optimal_vae(optimum), start, variant, 1), 1, steps + 1)
    return torch.stack([link.z.double() for link in links if link.z is not None])


def from_prior(optimum: LinearOptimum, variant: Variant, steps: int) -> Tensor:
    start = start_from_prior(optimal_vae(optimum), CHAINS, variant, 0)
    return trajectories(optimum, start, variant, steps)


def stationary_variance(variant: Variant, r: Tensor) -> Tensor:
    noise = r * (variant.encoded == "sample") + r * (1 - r) * (variant.decoded == "sample")
    return noise / (1 - (1 - r).square())


@each_variant
@pytest.mark.parametrize("lag", [1, 4])
def test_coefficient_of_every_latent(optimum: LinearOptimum, variant: Variant, lag: int) -> None:
    """Regression of z_{t+lag} on z_t: its standard error is that of the noise between over the spread of z_t."""
    z = from_prior(optimum, variant, 2 + lag)
    r = rate(optimum)
    expected = (1 - r) ** lag
    before, after = z[1], z[1 + lag]
    square = before.square().mean(0)
    measured = (before * after).mean(0) / square
    noise = stationary_variance(variant, r) * (1 - expected.square())
    tolerance = 5 * (noise / square / CHAINS).sqrt() + 1e-5  # rounding in single precision
    if variant.encoded == "mean":
        live = r < 1  # the mean of a collapsed latent is 0 for every x
        assert bool((before[:, ~live].abs() < 1e-5).all())
        measured, expected, tolerance = measured[live], expected[live], tolerance[live]
    assert bool(((measured - expected).abs() < tolerance).all())


def test_autocorrelation_of_the_full_chain_is_diagonal(optimum: LinearOptimum) -> None:
    """E z_t z_{t+1}ᵀ is diag(1 - r), and E z_t z_tᵀ the identity: no latent knows of another; 1,024 entries each."""
    z = from_prior(optimum, SAMPLES, 3)
    for lag in (0, 1):
        expected = torch.diag((1 - rate(optimum)) ** lag)
        measured = z[1].T @ z[1 + lag] / CHAINS
        standard_error = ((1 + expected.square()) / CHAINS).sqrt()
        assert bool(((measured - expected).abs() < 5 * standard_error).all())


@each_variant
def test_variance_goes_from_the_prior_to_that_of_the_stationary_law(small_mnist: Dataset, variant: Variant) -> None:
    """At sigma 1, 1 - r is at most 0.8, so that 30 steps are enough; along the way, too, it is what AR(1) says."""
    optimum = linear_optimum(covariance(small_mnist.train.images), ZDIM, 1.0)
    r, z = rate(optimum), from_prior(optimum, variant, 30)
    limit = stationary_variance(variant, r)
    assert float(((1 - r) ** 60).max()) < 1e-5
    for t in (1, 2, 5, 30):
        expected = limit + (1 - r) ** (2 * t) * (1 - limit)
        measured = z[t - 1].square().mean(0)
        assert bool(((measured - expected).abs() < 5 * expected * math.sqrt(2 / CHAINS) + 1e-5).all())


@pytest.mark.parametrize(
    ("variant", "formula"),
    [
        (SAMPLES, torch.ones_like),
        (Variant("mean", "sample"), lambda r: 1 / (2 - r)),
        (Variant("sample", "mean"), lambda r: (1 - r) / (2 - r)),
        (MEANS, torch.zeros_like),
    ],
    ids=lambda value: value.name if isinstance(value, Variant) else "",
)
def test_stationary_laws_are_those_stated(variant: Variant, formula: Callable[[Tensor], Tensor]) -> None:
    r = torch.linspace(0.001, 1, 1000, dtype=torch.float64)
    torch.testing.assert_close(stationary_variance(variant, r), formula(r))


def test_a_short_chain_from_data_is_not_at_its_limit(small_mnist: Dataset) -> None:
    """After t steps the mean is (1 - r)^t of where it began: at sigma 0.2, most of it for the leading latents."""
    optimum = linear_optimum(covariance(small_mnist.train.images), ZDIM, 0.2)
    image = small_mnist.held_out.images[:1]
    z = trajectories(optimum, start_from_data(image.repeat(CHAINS, 1)), SAMPLES, 11)
    with torch.no_grad():
        mu = optimal_vae(optimum, torch.float64).encoder(image.double() / 255)[0][0].double()
    r = rate(optimum)
    expected = (1 - r) ** 10 * mu
    variance = 1 - (1 - r) ** 20 * (1 - r)  # it starts with r
    assert bool(((z[10].mean(0) - expected).abs() < 5 * (variance / CHAINS).sqrt() + 1e-4).all())
    assert float(((1 - r) ** 10)[0]) > 0.9
