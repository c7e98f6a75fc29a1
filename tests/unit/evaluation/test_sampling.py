"""Images from the prior: which z, which noise, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tui_vae.config import ModelSpec
from tui_vae.data.image_ops import quantised
from tui_vae.evaluation.sampling import prior_latents, prior_means, prior_samples
from tui_vae.model import VAE

Generate = Callable[..., torch.Tensor]


def made(hidden: tuple[int, ...] = (16,), sigma: float = 0.2) -> VAE:
    return VAE.from_spec(ModelSpec("x", hidden), 4, sigma, torch.Generator().manual_seed(0))


def test_means_are_the_decoder_of_z() -> None:
    vae = made()
    images = prior_means(vae, 1203, 5)  # more than one batch, the last one not full
    with torch.no_grad():
        expected = quantised(vae.decoder(prior_latents(1203, 4, 5)))
    assert images.shape == (1203, 784)
    assert images.dtype == torch.uint8
    # A value next to the middle between two bytes may fall to either, by the rounding of another batch.
    assert int((images.int() - expected.int()).abs().max()) <= 1
    assert float((images == expected).float().mean()) > 0.999


def test_latents_are_standard_normal() -> None:
    """20,000 values: 4.5 standard errors of mean and variance."""
    z = prior_latents(5000, 4, 0).double()
    assert abs(float(z.mean())) < 4.5 / 20_000**0.5
    assert abs(float(z.var()) - 1) < 4.5 * (2 / 20_000) ** 0.5


@pytest.mark.parametrize("sigma", [0.05, 0.1])
def test_samples_are_the_means_of_the_same_z_and_noise_of_sigma(sigma: float) -> None:
    """Decoder means are set to greys far from 0 and 1, where nothing is clipped; 4.5 standard errors."""
    vae = made((), sigma)
    with torch.no_grad():
        vae.decoder.net[0].weight.mul_(0.02)
        vae.decoder.net[0].bias.fill_(0.5)
    noise = (prior_samples(vae, 800, 1).double() - prior_means(vae, 800, 1).double()) / 255
    n = noise.numel()
    # Both are rounded to bytes, which adds a variance of 1/12 of a byte squared each.
    spread = (sigma**2 + 2 / 12 / 255**2) ** 0.5
    assert abs(float(noise.mean())) < 4.5 * spread / n**0.5
    assert float(noise.std()) == pytest.approx(spread, rel=4.5 / (2 * n) ** 0.5)
    assert len(torch.unique(noise, dim=0)) == 800


@pytest.mark.parametrize("generate", [prior_means, prior_samples])
def test_the_seed_decides_and_the_global_generator_is_left_alone(generate: Generate) -> None:
    vae = made()
    before = torch.get_rng_state()
    first = generate(vae, 30, 0)
    torch.rand(3)
    torch.set_rng_state(before)
    assert torch.equal(generate(vae, 30, 0), first)
    assert not torch.equal(generate(vae, 30, 1), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(p.grad is None and p.requires_grad for p in vae.parameters())


@pytest.mark.parametrize("generate", [prior_means, prior_samples])
def test_progress_rises_to_one_and_can_end_the_work(generate: Generate) -> None:
    reported: list[float] = []
    generate(made(), 1700, 0, reported.append)
    assert len(reported) >= 3
    assert reported == sorted(set(reported))
    assert reported[-1] == 1

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(made(), 1700, 0, stop)
