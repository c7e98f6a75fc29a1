"""Why latents are off, against linear models of which the truth is known: optima, saddle points, and a latent added."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from tests.numerics.linear_models import optimal_vae, perturbed_vae
from tui_vae.data import Dataset
from tui_vae.evaluation.likelihood.bounds import elbo_per_image
from tui_vae.evaluation.ppca import Covariance, LinearOptimum, covariance, linear_optimum, unexplained_variances
from tui_vae.model import VAE
from tui_vae.posterior_collapse import EDGE, OFF, LatentKl, PosteriorCollapse, explain

ZDIM = 32


@pytest.fixture(scope="module")
def images(small_mnist: Dataset) -> Tensor:
    return small_mnist.train.images


@pytest.fixture(scope="module")
def moments(images: Tensor) -> Covariance:
    return covariance(images)


def verdicts(vae: VAE, images: Tensor, moments: Covariance) -> tuple[PosteriorCollapse, PosteriorCollapse]:
    """By theory, and by what the model leaves unexplained."""
    use = elbo_per_image(vae, images).use
    model = LatentKl(use.kl_per_latent, vae.decoder.sigma, learned=False, linear=True, epoch=1, epochs=1)
    theory = explain(model, moments.eigenvalues.tolist())
    measured = explain(model, unexplained_variances(vae, images).tolist(), measured=True)
    assert theory is not None
    assert measured is not None
    return theory, measured


def without(optimum: LinearOptimum, *left_out: int) -> LinearOptimum:
    """A saddle point: the optimum, with these latents at the prior and without columns in the decoder."""
    kl, weight = optimum.kl_per_latent.clone(), optimum.weight.clone()
    kl[list(left_out)], weight[:, list(left_out)] = 0.0, 0.0
    return dataclasses.replace(optimum, kl_per_latent=kl, weight=weight)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0, 1.5, 3.0])
def test_at_the_optimum_nothing_is_lost(sigma: float, images: Tensor, moments: Covariance) -> None:
    optimum = linear_optimum(moments, ZDIM, sigma)
    for found in verdicts(optimal_vae(optimum), images, moments):
        assert found.count("lost") == found.count("open") == 0
        assert found.count("expected") == int((optimum.kl_per_latent < OFF).sum())
        assert found.gain == 0


@pytest.mark.parametrize("sigma", [0.2, 1.0])
def test_what_the_optimum_leaves_unexplained(sigma: float, images: Tensor, moments: Covariance) -> None:
    optimum, values = linear_optimum(moments, ZDIM, sigma), moments.eigenvalues
    used = values[: optimum.active]
    expected = torch.cat((sigma**4 / used, values[optimum.active :])).sort(descending=True).values
    found = unexplained_variances(optimal_vae(optimum), images)
    torch.testing.assert_close(found, expected, rtol=2e-4, atol=1e-6)  # in single precision within the model
    assert int((found > sigma**2 * 1.001).sum()) == int((values[ZDIM:] > sigma**2 * 1.001).sum())


@pytest.mark.parametrize("left_out", [(0,), (3,), (2, 5), (0, 1, 2)])
def test_at_a_saddle_point_the_directions_left_out_are_lost(
    left_out: tuple[int, ...], images: Tensor, moments: Covariance
) -> None:
    optimum = linear_optimum(moments, ZDIM, 1.0)
    vae = optimal_vae(without(optimum, *left_out))
    theory, measured = verdicts(vae, images, moments)
    for found in (theory, measured):
        assert found.count("lost") == len(left_out)
        assert found.count("expected") == int((optimum.kl_per_latent < OFF).sum())
    # Latents that are off are alike; which of them are called lost is a convention.
    assert all(measured.latents[latent] in ("lost", "expected") for latent in left_out)
    lost = optimum.train_log_likelihood - float(elbo_per_image(vae, images).elbo.mean())
    assert measured.gain == pytest.approx(lost, abs=2e-3)
    # Theory takes the least directions for those that are left out.
    assert theory.gain is not None
    assert theory.gain <= lost + 1e-3


def test_with_learned_sigma_no_latent_is_expected_to_be_off(images: Tensor, moments: Covariance) -> None:
    """Sigma² is the mean of the variances beyond those in use, so that the next is always greater."""
    optimum = linear_optimum(moments, ZDIM, "learned")
    assert verdicts(optimal_vae(optimum), images, moments)[0].summary == "all 32 latents are in use"
    fewer = linear_optimum(moments, 20, "learned")
    kl = (*fewer.kl_per_latent.tolist(), *(0.0,) * 12)
    model = LatentKl(kl, fewer.sigma, learned=True, linear=True, epoch=1, epochs=1)
    found = explain(model, moments.eigenvalues.tolist())
    assert found is not None
    assert (found.count("lost"), found.count("expected")) == (12, 0)


@torch.no_grad()
def with_one_more(vae: VAE, images: Tensor, size: float) -> VAE:
    """A linear model with a further latent: the best one for what the model leaves unexplained, times ``size``."""
    rows, sigma, zdim = images.double() / 255, vae.decoder.sigma, vae.zdim
    encoder, decoder = vae.encoder.net[0], vae.decoder.net[0]
    a, b = encoder.weight[:zdim].double(), encoder.bias[:zdim].double()
    w, c = decoder.weight.double(), decoder.bias.double()
    rest = rows - (rows @ a.T + b) @ w.T - c
    values, vectors = torch.linalg.eigh(torch.cov(rest.T, correction=0))
    u, variance = vectors[:, -1], float(values[-1])
    column = size * math.sqrt(max(variance - sigma**2, 0.0))
    # E z = column / variance uᵀ(r - E r) and Var z = sigma² / variance are the posterior of probabilistic PCA.
    scale = column / variance
    mean = scale * (u - (u @ w) @ a)
    offset = -float(mean @ rows.mean(0))
    more = VAE.fully_connected((), zdim + 1, sigma)
    spread = math.log(sigma / math.sqrt(variance)) if size else 0.0
    e, d = more.encoder.net[0], more.decoder.net[0]
    e.weight.copy_(torch.cat((a, mean[None], encoder.weight[zdim:].double(), torch.zeros(1, 784))))
    e.bias.copy_(torch.cat((b, torch.tensor([offset]), encoder.bias[zdim:].double(), torch.tensor([spread]))))
    d.weight.copy_(torch.cat((w, column * u[:, None]), 1))
    d.bias.copy_(c)
    more.decoder.log_sigma.fill_(math.log(sigma))
    return more


@pytest.mark.parametrize("sigma", [0.3, 1.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_latent_added_to_any_linear_model_raises_the_elbo_by_the_gain(
    sigma: float, seed: int, images: Tensor, moments: Covariance
) -> None:
    vae = perturbed_vae(linear_optimum(moments, 4, sigma), size=0.3, seed=seed)
    before = float(elbo_per_image(vae, images).elbo.mean())
    ratio = float(unexplained_variances(vae, images)[0]) / sigma**2
    assert ratio > EDGE
    gain = 0.5 * (ratio - 1 - math.log(ratio))
    after = {
        size: float(elbo_per_image(with_one_more(vae, images, size), images).elbo.mean()) for size in (0.9, 1, 1.1)
    }
    assert after[1] - before == pytest.approx(gain, rel=1e-3, abs=1e-3)
    assert after[1] > max(after[0.9], after[1.1])


def test_where_no_direction_has_more_variance_than_sigma_squared_a_latent_gains_nothing(
    images: Tensor, moments: Covariance
) -> None:
    vae = optimal_vae(linear_optimum(moments, ZDIM, 1.0))
    assert float(unexplained_variances(vae, images)[0]) < 1
    before = float(elbo_per_image(vae, images).elbo.mean())
    assert float(elbo_per_image(with_one_more(vae, images, 0), images).elbo.mean()) == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize("beta", [0.25, 4.0])
def test_beta_scales_what_sigma_asks_of_a_direction(beta: float, images: Tensor, moments: Covariance) -> None:
    """The optimum under beta is that of sigma² times beta: nothing is lost there, and without a latent that one is."""
    sigma = 0.5
    optimum = linear_optimum(moments, ZDIM, sigma * math.sqrt(beta))
    kept = int((optimum.kl_per_latent >= OFF).sum())
    for left_out in ((), (1,)):
        use = elbo_per_image(optimal_vae(without(optimum, *left_out)), images).use
        model = LatentKl(use.kl_per_latent, sigma, learned=False, linear=True, epoch=1, epochs=1, beta=beta)
        found = explain(model, moments.eigenvalues.tolist())
        assert found is not None
        assert found.count("lost") == len(left_out)
        assert found.count("expected") == ZDIM - kept
        assert not found.off or f"beta · sigma² = {beta * sigma**2:.3g}" in " ".join(found.reasons)


@pytest.mark.parametrize(("beta", "free_bits"), [(1.0, 0.0), (1.0, 0.5), (0.3, 0.0), (4.0, 0.2), (1.0, 3.0)])
def test_the_gain_of_a_latent_is_the_best_of_all_its_kls(beta: float, free_bits: float) -> None:
    """What it explains of a direction less what its KL costs, on a fine grid of KLs."""
    sigma, variance = 0.5, 2.0
    model = LatentKl((0.0,), sigma, False, True, 1, 1, beta=beta, free_bits=free_bits)
    kl = torch.linspace(0, 8, 800_001, dtype=torch.float64)
    explained = 0.5 * variance * -torch.expm1(-2 * kl) / sigma**2
    best = float((explained - beta * (kl - free_bits).clamp_min(0)).max())
    assert model.gain(variance) == pytest.approx(best, abs=1e-6)


def test_free_bits_keep_every_direction_in_use(moments: Covariance) -> None:
    model = LatentKl((1.0, 0.0, 0.0), 3.0, False, True, 1, 1, free_bits=0.1)
    found = explain(model, moments.eigenvalues.tolist())
    assert found is not None
    assert found.latents == ("in use", "lost", "lost")
    assert "objective" in " ".join(found.reasons)
