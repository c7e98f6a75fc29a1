"""log p(x|z) by projection is what the model's own objective says.

Images as points: bytes / 255, or with uniform noise.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.unit.evaluation.likelihood.models import small_vae
from tui_vae.errors import TuiVaeError
from tui_vae.evaluation.likelihood.conditional_likelihood import Likelihood, check_finite, dequantized, pixels
from tui_vae.evaluation.ppca import exact_log_likelihood
from tui_vae.model import VAE, Decoder, gaussian_log_likelihood


@pytest.mark.parametrize("hidden", [(), (12,), (12, 8), (900,)], ids=str)
@pytest.mark.parametrize("sigma", [0.1, 1.0])
def test_it_is_the_objectives(hidden: tuple[int, ...], sigma: float, images: torch.Tensor) -> None:
    """Also with a last hidden layer, of 900, that is wider than the image."""
    vae, x = small_vae(hidden, sigma=sigma), pixels(images)
    likelihood = Likelihood(vae)
    observed = likelihood.observe(x)
    z = torch.randn(len(x), 5, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = gaussian_log_likelihood(x[:, None], vae.decoder(z), vae.decoder.log_sigma)
        mine = observed.constant[:, None] - likelihood.misfit(z, observed.target)
    torch.testing.assert_close(mine.float(), expected, rtol=2e-6, atol=1e-3)


def test_gradient_is_that_of_the_objective(images: torch.Tensor) -> None:
    vae, x = small_vae(), pixels(images)
    likelihood = Likelihood(vae)
    z = torch.randn(len(x), 5, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    log_likelihood = gaussian_log_likelihood(x[:, None], vae.decoder(z), vae.decoder.log_sigma)
    (expected,) = torch.autograd.grad(log_likelihood.sum(), z)
    _, gradient = likelihood.misfit_and_gradient(z, likelihood.observe(x).target)
    torch.testing.assert_close(-gradient, expected, rtol=1e-4, atol=1e-3)
    assert all(parameter.grad is None for parameter in vae.parameters())


def test_collinear_outputs_do_no_harm(images: torch.Tensor) -> None:
    """Without full rank the basis is not unique, the likelihood is."""
    vae, x = small_vae(), pixels(images)
    with torch.no_grad():
        vae.decoder.net[-1].weight[:, 1:] = vae.decoder.net[-1].weight[:, :1]
        likelihood = Likelihood(vae)
        observed = likelihood.observe(x)
        z = torch.randn(len(x), 2, 3, generator=torch.Generator().manual_seed(1))
        expected = gaussian_log_likelihood(x[:, None], vae.decoder(z), vae.decoder.log_sigma)
        mine = observed.constant[:, None] - likelihood.misfit(z, observed.target)
    torch.testing.assert_close(mine.float(), expected, rtol=2e-6, atol=1e-3)


def test_it_stays_as_it_was_when_the_weights_move_on(images: torch.Tensor) -> None:
    vae = small_vae()
    likelihood = Likelihood(vae)
    observed = likelihood.observe(pixels(images))
    z = torch.ones(len(images), 1, 3)
    before = likelihood.misfit(z, observed.target)
    with torch.no_grad():
        for parameter in vae.parameters():
            parameter.add_(1)
    assert torch.equal(likelihood.misfit(z, observed.target), before)
    assert all(parameter.requires_grad for parameter in vae.parameters())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value: float) -> None:
    vae = small_vae()
    with torch.no_grad():
        vae.encoder.net[0].weight[3, 5:7] = value
    with pytest.raises(TuiVaeError, match=r"2 of 9,408 weights of encoder\.net\.0\.weight are not finite"):
        check_finite(vae)


def test_bytes_are_divided_and_floats_are_taken_as_they_are() -> None:
    values = pixels(torch.tensor([[0, 128, 255]], dtype=torch.uint8))
    torch.testing.assert_close(values, torch.tensor([[0, 128 / 255, 1]]))
    floats = torch.tensor([[0.1, -0.2, 3.0]])
    assert torch.equal(pixels(floats), floats)
    assert pixels(floats.double()).dtype == torch.float32


def test_noise_stays_within_its_byte(images: torch.Tensor) -> None:
    noisy = dequantized(images, torch.Generator().manual_seed(0))
    assert noisy.dtype == torch.float32
    assert torch.equal((noisy.double() * 256).floor().to(torch.uint8), images)
    assert 0 <= float(noisy.min()) <= float(noisy.max()) <= 1
    share = noisy.double() * 256 - images
    n = share.numel()
    # Mean and variance of U[0, 1), 1/2 and 1/12: standard errors sqrt(1/12 n) and sqrt(1/180 n).
    assert abs(float(share.mean()) - 1 / 2) < 4.5 * (1 / 12 / n) ** 0.5
    assert abs(float(share.var()) - 1 / 12) < 4.5 * (1 / 180 / n) ** 0.5


def test_noise_is_the_generators_alone(images: torch.Tensor) -> None:
    before = torch.get_rng_state()
    first, same, other = (dequantized(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("hidden", [(), (12, 8)], ids=str)
def test_a_decoder_of_another_kind_has_the_same_likelihood(hidden: tuple[int, ...], images: torch.Tensor) -> None:
    """The same layers as a module of the user's own are compared in all pixels, and not by projection."""
    vae, x = small_vae(hidden), pixels(images)
    own = VAE(vae.encoder, Decoder(nn.Sequential(vae.decoder.net, nn.Unflatten(1, (1, 28, 28))), 0.5), vae.zdim)
    own.decoder.log_sigma.copy_(vae.decoder.log_sigma)
    by_projection, in_all_pixels = Likelihood(vae), Likelihood(own)
    assert in_all_pixels.row_width > by_projection.row_width
    z = torch.randn(len(x), 5, 3, generator=torch.Generator().manual_seed(1))
    values, gradients = [], []
    for likelihood in (by_projection, in_all_pixels):
        observed = likelihood.observe(x)
        misfit, gradient = likelihood.misfit_and_gradient(z, observed.target)
        values.append(observed.constant[:, None] - misfit)
        gradients.append(gradient)
    torch.testing.assert_close(values[0], values[1], rtol=2e-6, atol=1e-3)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-3)


def test_an_affine_decoder_of_another_kind_is_exact(images: torch.Tensor) -> None:
    vae = small_vae(())
    own = VAE(vae.encoder, Decoder(nn.Sequential(nn.Identity(), vae.decoder.net), 0.5, affine_in=3), vae.zdim)
    own.decoder.log_sigma.copy_(vae.decoder.log_sigma)
    expected = exact_log_likelihood(vae, images)
    torch.testing.assert_close(exact_log_likelihood(own, images), expected, rtol=1e-6, atol=1e-3)
