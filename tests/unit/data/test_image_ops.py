"""Images as bytes: which are chosen, how they are quantised and tiled."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.data.image_ops import one_of_each, quantised, tiled, unit_interval


def test_every_byte_comes_back() -> None:
    stored = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(quantised(stored.float() / 255), stored)


def test_dequantised_images_are_the_middles_of_65536_greys() -> None:
    """(byte + u) / 256 with u = (noise + ½) / 256, exactly, in single precision."""
    images, noise = (grid.flatten().to(torch.uint8) for grid in torch.meshgrid(*[torch.arange(256)] * 2, indexing="ij"))
    x = unit_interval(images, noise)
    assert x.dtype == torch.float32
    assert torch.equal(x.double(), (images.double() + (noise.double() + 0.5) / 256) / 256)
    assert torch.equal(x.double() * 65536, torch.arange(65536) + 0.5)
    assert torch.equal((x * 256).floor().to(torch.uint8), images)  # the noise never leaves the grey
    assert torch.equal(unit_interval(images), images.float() / 255)


def test_values_go_to_the_nearest_byte_and_never_wrap_round() -> None:
    x = torch.tensor(
        [[-1e30, -0.1, 0.4 / 255, 0.6 / 255, 127.4 / 255, 254.6 / 255, 1.1, 1e30, math.inf, -math.inf, math.nan]]
    )
    result = quantised(x)
    assert result.dtype == torch.uint8
    assert result.tolist() == [[0, 0, 0, 1, 127, 255, 255, 255, 255, 0, 0]]


def test_images_stand_in_reading_order_without_gaps() -> None:
    images = torch.randint(0, 256, (6, 784), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    picture = tiled(images, 3)
    assert picture.shape == (2 * 28, 3 * 28)
    assert picture.dtype == np.uint8
    for index, image in enumerate(images.numpy().reshape(6, 28, 28)):
        top, left = 28 * (index // 3), 28 * (index % 3)
        np.testing.assert_array_equal(picture[top : top + 28, left : left + 28], image)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 40))
def test_digits_go_round_the_classes(labels: list[int], count: int) -> None:
    chosen = one_of_each(torch.tensor(labels, dtype=torch.uint8), count).tolist()
    assert len(chosen) == count
    assert chosen == (chosen[: len(labels)] * count)[:count]  # repeated only where there are too few
    assert len(set(chosen)) == min(count, len(labels))
    first = chosen[: len(set(labels))]
    assert [labels[i] for i in first] == sorted(set(labels))[:count]
    assert first == [labels.index(labels[i]) for i in first]


def test_the_second_round_takes_the_second_of_each() -> None:
    labels = torch.tensor([3, 1, 3, 0, 1, 3], dtype=torch.uint8)
    assert one_of_each(labels, 6).tolist() == [3, 1, 0, 4, 2, 5]
