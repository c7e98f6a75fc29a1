"""The order of images and the seeds: functions of their arguments and of nothing else."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.data.generators import derived_seed, generator, image_order

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
