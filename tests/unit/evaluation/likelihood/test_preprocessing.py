"""Images as points: bytes / 255, or with uniform noise."""

from __future__ import annotations

import torch

from tui_vae.evaluation.likelihood.preprocessing import dequantized, pixels


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
