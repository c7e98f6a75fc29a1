"""The order of images and the seeds: functions of their arguments and of nothing else."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.data.generators import PixelNoise, derived_seed, generator, image_order

seeds = st.integers(0, 2**63 - 1)


@given(seeds, st.integers(0, 1000), st.integers(1, 300))
def test_every_image_comes_once(seed: int, epoch: int, images: int) -> None:
    order = image_order(seed, epoch, images)
    assert order.dtype == torch.int64
    assert sorted(order.tolist()) == list(range(images))


@given(seeds, st.integers(0, 1000))
def test_the_order_is_a_function_of_seed_and_epoch(seed: int, epoch: int) -> None:
    order = image_order(seed, epoch, 200)
    assert torch.equal(image_order(seed, epoch, 200), order)
    assert not torch.equal(image_order(seed, epoch + 1, 200), order)
    assert not torch.equal(image_order(seed ^ 1, epoch, 200), order)


def test_the_order_neither_reads_nor_moves_the_global_generator() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    order = image_order(3, 4, 500)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(image_order(3, 4, 500), order)


def test_derived_seeds_are_distinct() -> None:
    purposes = ("weights", "training noise", "held-out noise", "sample sheet", "image order")
    drawn = [derived_seed(*key) for key in itertools.product(range(20), purposes, range(20))]
    assert len(set(drawn)) == len(drawn) == 2000


@given(seeds, st.text(), st.integers(0, 2**40))
def test_a_derived_seed_is_one_that_a_generator_takes(seed: int, purpose: str, index: int) -> None:
    derived = derived_seed(seed, purpose, index)
    assert 0 <= derived < 2**63
    assert generator(seed, purpose, index).initial_seed() == derived


def test_streams_of_two_purposes_are_unrelated() -> None:
    one, other = (torch.randn(20_000, generator=generator(0, purpose)) for purpose in ("weights", "training noise"))
    # The correlation of independent streams has a standard error of 1 / sqrt(20,000) = 0.007.
    assert abs(float(torch.corrcoef(torch.stack((one, other)))[0, 1])) < 0.035


@given(st.integers(1, 400), st.data())
def test_any_part_of_the_noise_of_pixels_is_that_part_of_the_whole(images: int, data: st.DataObject) -> None:
    noise = PixelNoise(1, "test", images, 2)
    first = data.draw(st.integers(0, images - 1))
    count = data.draw(st.integers(1, images - first))
    part = noise.write(first, torch.zeros(count, 784, dtype=torch.uint8))
    assert torch.equal(part, noise.all()[first : first + count])


def test_the_noise_of_pixels_is_a_function_of_seed_purpose_and_index() -> None:
    noise = PixelNoise(1, "test", 50, 2).all()
    assert torch.equal(noise, PixelNoise(1, "test", 50, 2).all())
    for other in (PixelNoise(2, "test", 50, 2), PixelNoise(1, "other", 50, 2), PixelNoise(1, "test", 50, 3)):
        assert float((other.all() == noise).float().mean()) < 0.01


def test_the_noise_of_pixels_is_uniform_in_every_bit_and_pair() -> None:
    """Each bit of a byte is one in half of the pixels, and two images agree in it in half of them."""
    images = 2000
    bits = (PixelNoise(0, "test", images).all()[:, :, None] >> torch.arange(8, dtype=torch.uint8)) & 1
    # Over the columns: the bytes of an image are independent. Its mean has the standard error 1 / (2 sqrt(784 · 8)).
    of_image = bits.flatten(1).double()
    assert float((of_image.mean(1) - 0.5).abs().max()) < 5 * 0.5 / (784 * 8) ** 0.5
    # Bit by bit and column by column, over the two tables of 45 rows: no bit is stuck, as the sign of int64 would be.
    assert float((of_image.mean(0) - 0.5).abs().max()) < 0.25
    assert float((bits.double().mean((0, 1)) - 0.5).abs().max()) < 6 * 0.5 / (2 * 45 * 784) ** 0.5
    pairs = torch.randint(0, images, (2, 5000), generator=generator(1, "pairs"))
    pairs = pairs[:, pairs[0] != pairs[1]]
    agree = (of_image[pairs[0]] == of_image[pairs[1]]).double().mean(1)
    assert float((agree - 0.5).abs().max()) < 6 * 0.5 / (784 * 8) ** 0.5


def test_the_noise_of_pixels_has_the_moments_of_a_uniform_byte() -> None:
    noise = PixelNoise(3, "test", 10_000).all().double()
    # 200 rows of 784 bytes decide on all: the mean of 127.5 has the standard error 73.9 / sqrt(156,800).
    assert abs(float(noise.mean()) - 127.5) < 5 * 73.9 / 156_800**0.5
    assert abs(float(noise.var()) / ((256**2 - 1) / 12) - 1) < 0.02
