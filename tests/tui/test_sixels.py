"""Sixels, as a decoder of the tests' own reads them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sixel_screen import UNSET, decoded
from tui_vae.tui.graphics.sixel import GREYS, sixels

HALF_A_GREY = 100 / (GREYS - 1) / 2 + 0.5
"""In percent: what rounding to a grey, and a grey to a whole percent, takes at most."""


def drawn(rows: npt.NDArray[np.uint8], widths: list[int]) -> str:
    return sixels(rows, np.array(widths))


@given(st.integers(1, 20), st.lists(st.integers(1, 12), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_every_pixel_is_drawn_in_its_grey_and_none_besides(height: int, widths: list[int], seed: int) -> None:
    rows = np.random.default_rng(seed).integers(0, 256, (height, len(widths)), dtype=np.uint8)
    picture = decoded(drawn(rows, widths))
    wanted = rows.astype(int).repeat(widths, axis=1)
    assert picture.declared == picture.pixels.shape[:2] == wanted.shape
    assert (picture.pixels != UNSET).all(), "every pixel, and those below it stay as they are"
    assert (picture.pixels == picture.pixels[..., :1]).all(), "greys alone"
    assert np.abs(picture.pixels[..., 0] - wanted * 100 / 255).max() <= HALF_A_GREY
    assert picture.registers <= set(range(16)), "a VT340 has no more"


def test_black_and_white_are_just_that() -> None:
    picture = decoded(drawn(np.array([[0, 255]], dtype=np.uint8), [3, 4]))
    assert picture.pixels[0, :, 0].tolist() == [0] * 3 + [100] * 4


@pytest.mark.parametrize(
    ("rows", "widths", "data"),
    [
        ([[255]] * 6, [6], "#15!6~"),
        ([[255]] * 6, [3], "#15~~~"),
        ([[255]] * 7, [6], "#15!6~-#15!6@"),
        ([[0, 255], [0, 255]], [5, 5], "#0!5B$#15!5?!5B"),
        ([[255, 255]], [4, 5], "#15!9@"),
    ],
    ids=["a band", "few are not counted", "a row more", "two greys", "neighbours are one run"],
)
def test_it_is_as_short_as_it_can_be(rows: list[list[int]], widths: list[int], data: str) -> None:
    sequence = drawn(np.array(rows, dtype=np.uint8), widths)
    head, tail = f'\x1bP0;1;0q"1;1;{sum(widths)};{len(rows)}', f"{data}\x1b\\"
    assert sequence.startswith(head)
    assert sequence.endswith(tail)
    colours = sequence[len(head) : len(sequence) - len(tail)]
    assert colours.count(";2;") == len(np.unique(rows)), "no colour that it does not need"
