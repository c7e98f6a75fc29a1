"""The closed forms of the objective against ``torch.distributions``."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from tui_vae.config import ModelSpec
from tui_vae.model import VAE, ElboTerms, gaussian_kl, gaussian_log_likelihood

RELATIVE = 1e-5


def assert_relative(mine: torch.Tensor, reference: torch.Tensor, relative: float = RELATIVE) -> None:
    """Every element within ``relative`` of the reference."""
    assert mine.shape == reference.shape
    error = ((mine.double() - reference.double()) / reference.double()).abs().max()
    assert float(error) < relative


def drawn(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("sigma", [0.01, 0.2, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_likelihood(sigma: float, dtype: torch.dtype) -> None:
    x = torch.rand(50, 784, generator=torch.Generator().manual_seed(1), dtype=dtype)
    mean = x + 0.3 * drawn(2, 50, 784, dtype=dtype)
    log_sigma = torch.tensor(math.log(sigma), dtype=dtype)
    mine = gaussian_log_likelihood(x, mean, log_sigma)
    reference = Normal(mean.double(), sigma).log_prob(x.double()).sum(-1)
    assert mine.dtype == dtype
    assert_relative(mine, reference, RELATIVE if dtype == torch.float32 else 1e-12)


@given(st.floats(-4, 2), st.integers(0, 10**6))
def test_log_likelihood_for_any_sigma(log_sigma: float, seed: int) -> None:
    x, mean = drawn(seed, 4, 784, dtype=torch.float64), drawn(seed + 1, 4, 784, dtype=torch.float64)
    scale = torch.tensor(log_sigma, dtype=torch.float64)
    reference = Normal(mean, scale.exp()).log_prob(x).sum(-1)
    torch.testing.assert_close(gaussian_log_likelihood(x, mean, scale), reference, rtol=1e-10, atol=1e-8)


def test_log_likelihood_of_an_image_at_its_mean_is_the_constant() -> None:
    x = drawn(8, 3, 784)
    value = gaussian_log_likelihood(x, x, torch.tensor(math.log(0.2)))
    expected = -784 * (math.log(0.2) + 0.5 * math.log(2 * math.pi))
    torch.testing.assert_close(value, torch.full((3,), expected))


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_kl_of_each_latent_of_an_image_and_of_both_together(spread: float) -> None:
    mu, log_sigma = spread * drawn(3, 200, 32), spread * drawn(4, 200, 32) - 1
    reference = kl_divergence(Normal(mu.double(), log_sigma.double().exp()), Normal(0.0, 1.0))
    mine = gaussian_kl(mu, log_sigma)
    assert_relative(mine.sum(1), reference.sum(1))
    torch.testing.assert_close(mine.double(), reference, rtol=RELATIVE, atol=1e-6)
    assert_relative(gaussian_kl(mu.double(), log_sigma.double()), reference, 1e-8)


@given(st.floats(-20, 20), st.floats(-8, 4))
def test_kl_is_never_below_zero(mu: float, log_sigma: float) -> None:
    value = gaussian_kl(torch.tensor(mu, dtype=torch.float64), torch.tensor(log_sigma, dtype=torch.float64))
    assert float(value) >= -1e-12


def test_kl_of_the_prior_is_zero() -> None:
    assert torch.equal(gaussian_kl(torch.zeros(5, 3), torch.zeros(5, 3)), torch.zeros(5, 3))


def reference_loss(vae: VAE, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """-ELBO of the same draw, written with ``torch.distributions``."""
    mu, log_sigma = vae.encoder(x)
    posterior = Normal(mu, log_sigma.exp())
    z = posterior.mean + posterior.stddev * noise
    reconstruction = Normal(vae.decoder(z), vae.decoder.log_sigma.exp()).log_prob(x).sum(-1)
    loss: torch.Tensor = -(reconstruction - kl_divergence(posterior, Normal(0.0, 1.0)).sum(-1)).mean()
    return loss


@pytest.mark.parametrize("sigma", [0.2, 1.0, "learned"])
@pytest.mark.parametrize("hidden", [(), (64, 32)])
def test_loss_and_gradient_of_every_parameter(hidden: tuple[int, ...], sigma: float | str) -> None:
    vae = VAE.from_spec(ModelSpec("x", hidden), 16, sigma, torch.Generator().manual_seed(0))
    x = torch.rand(64, 784, generator=torch.Generator().manual_seed(1))
    noise = drawn(2, 64, 16)
    gradients = []
    losses = []
    for loss in (vae(x, noise).loss(), reference_loss(vae, x, noise)):
        vae.zero_grad(set_to_none=True)
        loss.backward()
        losses.append(loss.detach())
        gradients.append({name: p.grad.clone() for name, p in vae.named_parameters() if p.grad is not None})
    assert_relative(*losses)
    mine, reference = gradients
    assert mine.keys() == reference.keys() == dict(vae.named_parameters()).keys()
    assert ("decoder.log_sigma" in mine) == (sigma == "learned")
    for name, gradient in mine.items():
        # Elements near 0 are sums of terms that cancel: measured against the norm.
        assert float((gradient - reference[name]).norm() / reference[name].norm()) < RELATIVE


def test_gradient_of_a_learned_sigma_in_closed_form() -> None:
    """d/d log sigma of -log p(x|z) is D - |x - mean|²/sigma²."""
    x, mean = drawn(6, 8, 784, dtype=torch.float64), drawn(7, 8, 784, dtype=torch.float64)
    log_sigma = torch.tensor(math.log(0.3), dtype=torch.float64, requires_grad=True)
    gaussian_log_likelihood(x, mean, log_sigma).sum().backward()
    expected = ((x - mean).square().sum(-1) / 0.09 - 784).sum()
    torch.testing.assert_close(log_sigma.grad, expected)


def test_loss_is_the_mean_over_images_not_over_batches() -> None:
    terms = ElboTerms(torch.tensor([1.0, 2.0, 6.0]), torch.tensor([[1.0, 0.5]] * 3), torch.zeros(3, 2))
    assert float(terms.loss()) == pytest.approx(-(3 - 1.5))
