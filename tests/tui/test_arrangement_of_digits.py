"""The largest digits at which all rows are seen, and small ones to scroll through otherwise."""

from __future__ import annotations

import pytest
from textual.geometry import Size

from tui_vae.tui.widgets.digits import arrange


@pytest.mark.parametrize(
    ("rows", "size", "factor", "label_inside"),
    [
        (2, Size(340, 86), 1 / 3, False),
        (2, Size(340, 85), 1 / 2, False),
        (2, Size(228, 58), 1 / 2, False),
        (2, Size(227, 58), 1, False),
        (5, Size(200, 75), 1, False),
        (5, Size(200, 74), 1, True),
        (5, Size(200, 70), 1, True),
        (5, Size(200, 69), 2, False),
        (5, Size(116, 75), 1, False),
        (5, Size(115, 75), 2, False),
        (5, Size(78, 40), 2, False),
        (5, Size(78, 39), 2, True),
        (5, Size(78, 35), 2, True),
        (5, Size(78, 34), 2, False),
        (5, Size(10, 5), 2, False),
        (1, Size(60, 8), 2, False),
    ],
)
def test_the_size_of_digits(rows: int, size: Size, factor: float, label_inside: bool) -> None:
    arrangement = arrange(rows, size)
    assert (arrangement.factor, arrangement.label_inside) == (factor, label_inside)


@pytest.mark.parametrize("rows", [1, 3, 5, 13])
def test_what_is_not_scrolled_fits(rows: int) -> None:
    for width in range(20, 260, 7):
        for height in range(4, 120, 3):
            arrangement = arrange(rows, Size(width, height))
            scrolled = (arrangement.factor, arrangement.label_inside) == (2, False)
            assert scrolled or rows * arrangement.row_height <= height
            assert scrolled or 4 * (arrangement.width + 1) <= width


@pytest.mark.parametrize(
    ("size", "image", "images", "factor"),
    [
        (Size(140, 40), (64, 64), 8, 1),
        (Size(129, 40), (64, 64), 8, 2),
        (Size(140, 32), (64, 64), 8, 2),
        (Size(70, 40), (64, 64), 1, 1),
        (Size(80, 20), (256, 128), 8, 7),
        (Size(80, 5), (256, 128), 8, 18),
        (Size(80, 20), (8, 8), 64, 1 / 2),
        (Size(10, 2), (8, 8), 64, 1),
    ],
)
def test_images_of_other_sizes_are_as_large_as_some_of_them_fit(
    size: Size, image: tuple[int, int], images: int, factor: float
) -> None:
    assert arrange(1, size, image, images).factor == factor


def test_more_space_never_makes_digits_smaller() -> None:
    for width in (60, 116, 200):
        factors = [arrange(5, Size(width, height)).factor for height in range(5, 120)]
        assert factors == sorted(factors, reverse=True)
