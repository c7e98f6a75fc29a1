"""Pictures as character cells, and sheets as their images."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tui_vae.events import SheetLayout
from tui_vae.view.image_cells import (
    FACTORS,
    GAP,
    Grid,
    across,
    ascii_shades,
    channels,
    colour_codes,
    cut_grid,
    fitting_factor,
    grey_levels,
    half_blocks,
    height,
    image_size,
    parse_sheet,
    scrolled_factor,
    shrunk,
)

Pixels = npt.NDArray[np.uint8]
pictures = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(pictures)
def test_a_half_block_is_two_pixels_one_above_the_other(image: Pixels) -> None:
    rows = half_blocks(image)
    height, width = image.shape
    assert len(rows) == (height + 1) // 2
    for y, row in enumerate(rows):
        cells = [(pieces.upper, pieces.lower) for pieces in row for _ in range(pieces.length)]
        below = image[2 * y + 1] if 2 * y + 1 < height else np.zeros(width)
        assert cells == list(zip(image[2 * y], below, strict=True))
        assert all(type(number) is int for pieces in row for number in pieces)


@given(pictures)
def test_neighbouring_half_blocks_of_one_look_are_one_piece(image: Pixels) -> None:
    for row in half_blocks(image):
        assert all(one[1:] != other[1:] for one, other in itertools.pairwise(row))


def test_a_digit_is_twenty_eight_cells_wide_and_fourteen_high() -> None:
    digit = np.zeros((28, 28), dtype=np.uint8)
    assert half_blocks(digit) == [[(28, 0, 0)]] * 14
    assert half_blocks(shrunk(digit, 2)) == [[(14, 0, 0)]] * 7


@given(pictures)
def test_ascii_shades_have_the_size_of_half_blocks_and_are_ascii(image: Pixels) -> None:
    rows = ascii_shades(image)
    assert [len(row) for row in rows] == [sum(cells.length for cells in row) for row in half_blocks(image)]
    assert all(row.isascii() and row.isprintable() for row in rows)


def test_ascii_shades_go_from_nothing_to_full_and_grow_with_the_light() -> None:
    rows = ascii_shades(np.repeat(np.arange(256, dtype=np.uint8)[None], 2, axis=0))
    assert rows[0][0] == " "
    assert rows[0][-1] == "@"
    ramp = list(dict.fromkeys(rows[0]))
    assert len(ramp) >= 8
    assert [ramp.index(character) for character in rows[0]] == sorted(ramp.index(character) for character in rows[0])


def test_the_picture_given_is_left_as_it_was() -> None:
    image = np.arange(15, dtype=np.uint8).reshape(5, 3)
    before = image.copy()
    half_blocks(image), ascii_shades(image), shrunk(image, 2)
    assert np.array_equal(image, before)


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=4, max_side=12)), st.integers(1, 4))
def test_a_shrunk_pixel_is_the_mean_of_its_block(image: Pixels, factor: int) -> None:
    small = shrunk(image, factor)
    assert small.dtype == np.uint8
    assert small.shape == (image.shape[0] // factor, image.shape[1] // factor)
    for y, x in np.ndindex(small.shape):
        block = image[y * factor : (y + 1) * factor, x * factor : (x + 1) * factor]
        assert small[y, x] == round(float(block.astype(float).mean()))


LAYOUTS = st.builds(
    SheetLayout,
    columns=st.integers(1, 4),
    prior=st.integers(0, 3),
    pairs=st.integers(0, 2),
    interpolations=st.integers(0, 2),
    chain=st.lists(st.integers(2, 99), max_size=3).map(tuple),
)


@given(LAYOUTS)
def test_the_images_of_a_sheet_are_those_it_was_composed_of(layout: SheetLayout) -> None:
    random = np.random.default_rng(1)
    rows_of_parts = [layout.prior, layout.pairs, layout.pairs]
    rows_of_parts += [1] * layout.interpolations + [layout.pairs] * len(layout.chain)
    parts = [random.integers(0, 256, (rows, layout.columns, 28, 28), dtype=np.uint8) for rows in rows_of_parts]
    images = np.concatenate(parts)
    if not len(images):
        assert parse_sheet(np.zeros((0, layout.columns * 28), dtype=np.uint8), layout) is None
        return
    sheet = parse_sheet(np.vstack([np.hstack(list(row)) for row in images]), layout)
    assert sheet is not None
    assert (len(sheet.interpolations), len(sheet.chain)) == (layout.interpolations, len(layout.chain))
    found = [sheet.prior, sheet.originals, sheet.reconstructions, *sheet.interpolations, *sheet.chain]
    for part, composed in zip(found, parts, strict=True):
        assert np.array_equal(part, composed.reshape(-1, 28, 28))


LAYOUT = SheetLayout(columns=10, prior=2, pairs=1)


@pytest.mark.parametrize(
    "shape", [(0, 0), (28, 28), (111, 280), (112, 279), (112, 281), (140, 280), (280, 112), (112, 280, 3)]
)
def test_a_picture_of_another_size_is_no_sheet(shape: tuple[int, ...]) -> None:
    assert parse_sheet(np.zeros((112, 280), dtype=np.uint8), LAYOUT) is not None
    assert parse_sheet(np.zeros(shape, dtype=np.uint8), LAYOUT) is None


@pytest.mark.parametrize("colours", [(), (3,)])
def test_images_of_another_size_and_with_colours_are_cut_out(colours: tuple[int, ...]) -> None:
    images = np.random.default_rng(2).integers(0, 256, (6, 20, 33, *colours), dtype=np.uint8)
    sheet = parse_sheet(np.hstack(list(images)), SheetLayout(6, 1, 0, image=(20, 33)))
    assert sheet is not None
    assert np.array_equal(sheet.prior, images)
    assert parse_sheet(np.hstack(list(images)), SheetLayout(6, 1, 0, image=(33, 20))) is None


@pytest.mark.parametrize("image", [(0, 0), (-28, -28), (1, 10**6), (2**53, 1)])
def test_an_image_of_a_senseless_size_gives_no_sheet(image: tuple[int, int]) -> None:
    assert parse_sheet(np.zeros((28, 280), dtype=np.uint8), SheetLayout(10, 1, 0, image=image)) is None


def test_colours_survive_as_numbers_and_shrinking_takes_the_mean_of_each() -> None:
    image = np.random.default_rng(3).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    codes = colour_codes(image)
    assert [[list(channels(code)) for code in row] for row in codes.tolist()] == image.tolist()
    means = shrunk(image, 2)
    assert np.array_equal(means[1, 2], image[2:4, 4:6].reshape(4, 3).mean(0).round())
    assert np.array_equal(grey_levels(np.dstack([codes.astype(np.uint8)] * 3)), codes.astype(np.uint8))


@pytest.mark.parametrize(
    "layout",
    [
        SheetLayout(0, 2, 1),
        SheetLayout(-10, -2, -1),
        SheetLayout(10, -2, 3),
        SheetLayout(10, 6, -1),
        SheetLayout(10, 0, 0),
        SheetLayout(10, 3, 1, interpolations=-1),
    ],
)
def test_a_layout_that_makes_no_sense_gives_no_sheet(layout: SheetLayout) -> None:
    rows = abs(layout.rows)
    assert parse_sheet(np.zeros((rows * 28, abs(layout.columns) * 28), dtype=np.uint8), layout) is None


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
