"""The exact likelihood of linear decoders, and the losses of decoder and encoder, against general formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from tests.numerics.linear_models import optimal_vae, perturbed_vae
from tui_vae.data import Dataset
from tui_vae.evaluation.likelihood.bounds import elbo_per_image
from tui_vae.evaluation.likelihood.conditional_likelihood import dequantized, pixels
from tui_vae.evaluation.ppca import covariance, exact_log_likelihood, linear_losses, linear_optimum


@pytest.mark.parametrize("zdim", [2, 32])
def test_density_of_bytes_and_of_dequantised_images(zdim: int, small_mnist: Dataset) -> None:
    vae = perturbed_vae(linear_optimum(covariance(small_mnist.train.images), zdim, 0.3))
    images = small_mnist.held_out.images[:50]
    weight, bias = (tensor.detach().double() for tensor in vae.decoder.net[0].parameters())
    law = MultivariateNormal(bias, weight @ weight.T + vae.decoder.sigma**2 * torch.eye(784).double())
    torch.testing.assert_close(
        exact_log_likelihood(vae, images), law.log_prob(images.double() / 255), rtol=0, atol=1e-6
    )
    noisy = dequantized(images, torch.Generator().manual_seed(0))
    torch.testing.assert_close(exact_log_likelihood(vae, noisy), law.log_prob(noisy.double()), rtol=0, atol=1e-6)
    # Floating images are taken as they are: the same images as float32 differ by its rounding only.
    torch.testing.assert_close(
        exact_log_likelihood(vae, pixels(images)), exact_log_likelihood(vae, images), rtol=0, atol=1e-3
    )


def test_the_gap_of_the_encoder_is_the_divergence_from_the_posterior(small_mnist: Dataset) -> None:
    """KL(q(z|x) || p(z|x)) of Gaussians from torch.distributions, image by image: the ELBO has no noise."""
    optimum = linear_optimum(covariance(small_mnist.train.images), 6, 0.3)
    vae = perturbed_vae(optimum)
    images = small_mnist.held_out.images[:100]
    elbo = elbo_per_image(vae, images).elbo
    losses = linear_losses(vae, images, optimum, elbo)
    weight, bias = (tensor.detach().double() for tensor in vae.decoder.net[0].parameters())
    variance = vae.decoder.sigma**2
    precision = torch.eye(6).double() + weight.T @ weight / variance
    mean = torch.linalg.solve(precision, weight.T @ (images.double() / 255 - bias).T / variance).T
    with torch.no_grad():
        mu, log_sigma = (part.double() for part in vae.encoder(images.float() / 255))
    posterior = MultivariateNormal(mean, precision_matrix=precision)
    divergence = kl_divergence(MultivariateNormal(mu, torch.diag_embed((2 * log_sigma).exp())), posterior)
    # What is left is that the encoder's moments are in single precision.
    torch.testing.assert_close(exact_log_likelihood(vae, images) - elbo, divergence, rtol=1e-5, atol=1e-3)
    assert losses.encoder.mean == pytest.approx(float(divergence.mean()), abs=1e-4)
    assert losses.encoder.standard_error == pytest.approx(float(divergence.std()) / math.sqrt(len(images)), rel=1e-3)


def test_the_losses_add_up_and_vanish_at_the_optimum(small_mnist: Dataset) -> None:
    optimum = linear_optimum(covariance(small_mnist.train.images), 8, 0.2)
    images = small_mnist.train.images
    for vae in (optimal_vae(optimum), perturbed_vae(optimum)):
        elbo = elbo_per_image(vae, images).elbo
        losses = linear_losses(vae, images, optimum, elbo)
        total = optimum.train_log_likelihood - float(elbo.mean())
        assert losses.decoder.mean + losses.encoder.mean == pytest.approx(total, abs=1e-3)
    at_optimum = linear_losses(optimal_vae(optimum), images, optimum, elbo_per_image(optimal_vae(optimum), images).elbo)
    assert at_optimum.decoder.mean == pytest.approx(0, abs=1e-3)
    assert at_optimum.encoder.mean == pytest.approx(0, abs=1e-3)
    assert losses.decoder.mean > 1
    assert losses.encoder.mean > 0.5
