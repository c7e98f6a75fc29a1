"""Images of any usual form become a sheet, from which the front ends cut the same images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tui_vae.errors import UsageError
from tui_vae.library.sample_images import MOST_IMAGES, MOST_PIXELS, sheet_of
from tui_vae.view.image_cells import parse_sheet

GREY = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
LARGE = np.random.default_rng(1).integers(0, 256, (6, 40, 33), dtype=np.uint8)
COLOURS = np.random.default_rng(2).integers(0, 256, (6, 28, 28, 3), dtype=np.uint8)


def cut(images: Any) -> Any:
    sheet, layout = sheet_of(images)
    found = parse_sheet(sheet, layout)
    assert found is not None
    assert not len(found.originals)
    return found.prior


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (GREY, GREY),
        (LARGE, LARGE),
        (COLOURS, COLOURS),
        (list(GREY), GREY),
        (GREY[..., None], GREY),
        (GREY[:, None], GREY),
        (COLOURS.transpose(0, 3, 1, 2), COLOURS),
        (LARGE.reshape(2, 3, 40, 33), LARGE[[0, 1, 2, 3, 4, 5]]),
        (GREY / 255, GREY),
        (torch.from_numpy(COLOURS), COLOURS),
        (torch.from_numpy(GREY).float().requires_grad_() / 255, GREY),
        (torch.from_numpy(GREY > 99).to(torch.bfloat16), (GREY > 99) * 255),
        (GREY > 99, (GREY > 99) * 255),
        (np.array([[[-1.0, 2.0, np.nan, np.inf]]]), np.array([[[0, 255, 0, 255]]])),
        (np.array([[[-5, 300]]]), np.array([[[0, 255]]])),
    ],
)
def test_the_images_of_a_sheet_are_those_that_were_logged(images: Any, expected: Any) -> None:
    if isinstance(images, np.ndarray) and images.shape == (2, 3, 40, 33):
        images = LARGE.reshape(3, 2, 40, 33)  # three channels would be colours
    assert np.array_equal(cut(images), expected)


def test_digits_have_the_layout_of_every_run() -> None:
    assert sheet_of(GREY)[1].image_size == (28, 28)
    assert not sheet_of(GREY)[1].image
    assert sheet_of(COLOURS)[1].image == (28, 28)


def test_more_images_than_can_be_kept_are_left_out() -> None:
    assert len(cut(np.zeros((MOST_IMAGES + 50, 2, 2)))) == MOST_IMAGES
    assert len(cut(np.zeros((20, 1500, 1000), dtype=np.uint8))) == MOST_PIXELS // 1_500_000
    assert len(cut(np.zeros((40, 10, 2, 2)))) == 250
    assert len(cut(np.zeros((2, 300, 2, 2)))) == MOST_IMAGES


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((28, 28)), np.zeros(784), np.zeros((0, 28, 28)), np.zeros((1, 1, 5000)), np.zeros((1, 2, 3, 4, 5)),
        "images", None, [np.zeros((2, 2)), np.zeros((3, 3))],
    ],
)  # fmt: skip
def test_other_forms_are_refused(images: Any) -> None:
    with pytest.raises(UsageError, match=r"log\.samples"):
        sheet_of(images)
