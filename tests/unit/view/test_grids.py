"""Grids cut by their labels, and the size at which they are shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.view.grids import FACTORS, GAP, Grid, across, cut_grid, fitting_factor, height, image_size, scrolled_factor


def grid(rows: int, columns: int, *, labels: bool = False) -> Grid:
    images = np.zeros((rows, columns, 28, 28), dtype=np.uint8)
    return Grid(images, ("row" if labels else "",) * rows, ("c" if labels else "",) * columns)


def test_each_image_is_where_its_labels_say() -> None:
    picture = np.arange(2 * 28 * 3 * 28, dtype=np.uint32).reshape(56, 84) % 251
    cut = cut_grid(picture.astype(np.uint8), ("a", "b"), ("x", "y", "z"))
    assert cut is not None
    assert cut.images.shape == (2, 3, 28, 28)
    assert np.array_equal(cut.images[1, 2], picture[28:, 56:])
    assert (cut.rows, cut.columns) == (("a", "b"), ("x", "y", "z"))


@pytest.mark.parametrize(("rows", "columns"), [((), ("x",)), (("a",), ()), (("a",), ("x",)), (("a",) * 3, ("x",) * 2)])
def test_a_picture_that_has_not_as_many_images_as_labels_is_none(
    rows: tuple[str, ...], columns: tuple[str, ...]
) -> None:
    assert cut_grid(np.zeros((56, 84), dtype=np.uint8), rows, columns) is None


@given(st.integers(1, 200), st.integers(28, 400), st.sampled_from(FACTORS))
def test_broken_rows_fit_and_no_part_is_much_shorter(columns: int, width: int, factor: int) -> None:
    step = across(columns, width, factor)
    side, _ = image_size(factor)
    assert step * side + (step - 1) * GAP <= width
    parts = -(-columns // step)
    assert parts == -(-columns // min(columns, (width + GAP) // (side + GAP)))


def test_lines_of_a_grid() -> None:
    assert height(grid(3, 10), 300, 1) == 3 * 14
    assert height(grid(3, 10), 300, 2) == 3 * 7
    assert height(grid(3, 10), 300, 3) == 3 * 5
    assert height(grid(3, 10, labels=True), 300, 2) == 3 * (7 + 1) + 1
    assert height(grid(3, 10, labels=True), 80, 2) == 3 * (2 * (7 + 1) + 1)


@given(st.integers(1, 6), st.integers(1, 12), st.integers(28, 300), st.integers(1, 100))
def test_the_factor_is_the_least_that_fits(rows: int, columns: int, width: int, lines: int) -> None:
    shown = [grid(rows, columns), grid(rows, columns, labels=True)]
    factor = fitting_factor(shown, width, lines)
    tall = {f: sum(height(g, width, f) for g in shown) for f in FACTORS}
    assert factor == min((f for f in FACTORS if tall[f] <= lines), default=None)


@pytest.mark.parametrize(
    ("columns", "width", "factor"), [(10, 149, 2), (10, 148, 3), (10, 99, 3), (10, 98, 2), (10, 59, 2), (10, 58, 3)]
)
def test_what_is_scrolled_is_not_broken_or_shown_well(columns: int, width: int, factor: int) -> None:
    assert scrolled_factor([grid(3, columns)], width) == factor


def test_nothing_fits_anywhere() -> None:
    assert fitting_factor([], 0, 0) == 1
    assert scrolled_factor([], 0) == 2
