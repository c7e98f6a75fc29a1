"""Images: cut out of sheets and grids, laid out at a size that fits, and drawn in character cells.

Images of this program are grey, ``(height, width)``; those of a loop of the user's own may have colours,
``(height, width, 3)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tui_vae.config import IMAGE_SIDE
from tui_vae.events import SheetLayout

Pixels = npt.NDArray[np.uint8]

_LUMA = np.array([0.299, 0.587, 0.114])
MOST_SIDE = 4096
"""Pixels of the largest height or width of an image of a sheet."""

UPPER_HALF = "▀"
RAMP = " .:-=+*#%@"


class HalfBlocks(NamedTuple):
    """A run of :data:`UPPER_HALF` characters with the values of their upper and lower halves."""

    length: int
    upper: int
    lower: int


def shrunk(image: Pixels, factor: int) -> Pixels:
    """Return the means over blocks of ``factor × factor`` pixels."""
    height, width = image.shape[0] // factor, image.shape[1] // factor
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor, *image.shape[2:])
    means: Pixels = blocks.mean((1, 3)).round().astype(np.uint8)
    return means


def scaled(image: Pixels, scale: float) -> Pixels:
    """Enlarge an image by an integer, or shrink it to a half, a third and so on."""
    if scale <= 1:
        return shrunk(image, round(1 / scale))
    larger: Pixels = image.repeat(round(scale), axis=0).repeat(round(scale), axis=1)
    return larger


def grey_levels(image: Pixels) -> Pixels:
    """Return an image without its colours, by the luma of ITU-R BT.601."""
    grey: Pixels = image if image.ndim == 2 else (image @ _LUMA).round().astype(np.uint8)
    return grey


def colour_codes(image: Pixels) -> npt.NDArray[np.uint32]:
    """Return the colours of an image ``(height, width, 3)`` as numbers ``(height, width)``, see :func:`channels`."""
    codes: npt.NDArray[np.uint32] = (image @ np.array([1 << 16, 1 << 8, 1])).astype(np.uint32)
    return codes


def channels(code: int) -> tuple[int, int, int]:
    """Return red, green and blue of a number of :func:`colour_codes`."""
    return code >> 16, code >> 8 & 255, code & 255


def half_blocks(image: npt.NDArray[np.unsignedinteger]) -> list[list[HalfBlocks]]:
    """Return rows of cells, each one pixel wide and two high; equal neighbours form one run.

    Args:
        image: Numbers ``(height, width)``, such as grey levels.
    """
    padded = image if image.shape[0] % 2 == 0 else np.vstack((image, np.zeros_like(image[:1])))
    upper, lower = padded[::2], padded[1::2]
    begins = np.ones(upper.shape, dtype=bool)
    begins[:, 1:] = (upper[:, 1:] != upper[:, :-1]) | (lower[:, 1:] != lower[:, :-1])
    places = np.flatnonzero(begins)
    counts = np.diff(places, append=begins.size)
    rows: list[list[HalfBlocks]] = [[] for _ in upper]
    looks = zip(counts.tolist(), upper[begins].tolist(), lower[begins].tolist(), strict=True)
    for row, look in zip((places // image.shape[1]).tolist(), looks, strict=True):
        rows[row].append(HalfBlocks(*look))
    return rows


def levels(image: Pixels) -> list[list[int]]:
    """Return rows of grey levels (0 to 255), each the mean of two pixels above each other."""
    image = grey_levels(image)
    padded = image if image.shape[0] % 2 == 0 else np.vstack((image, np.zeros_like(image[:1])))
    means: list[list[int]] = padded.reshape(-1, 2, padded.shape[1]).mean(1).astype(int).tolist()
    return means


def ascii_shades(image: Pixels) -> list[str]:
    """Return rows of characters from dark to light, each for two pixels above each other."""
    return ["".join(RAMP[level * len(RAMP) // 256] for level in row) for row in levels(image)]


class Sheet(NamedTuple):
    """The images of a sample picture, each part ``(n, height, width)``, with colours ``(n, height, width, 3)``.

    ``interpolations`` has one part for each row of the layout, and ``chain`` one for each number of steps.
    """

    prior: Pixels
    originals: Pixels
    reconstructions: Pixels
    interpolations: tuple[Pixels, ...]
    chain: tuple[Pixels, ...]


def parse_sheet(picture: Pixels, layout: SheetLayout) -> Sheet | None:
    """Cut a picture into its images; ``None`` if its size is not that of the layout.

    Only images with a size of their own may have colours.
    """
    rows, columns, (height, width) = layout.rows, layout.columns, layout.image_size
    colours = picture.shape[2:]
    if (
        columns < 1
        or min(layout.prior, layout.pairs, layout.interpolations) < 0
        or rows < 1
        or not (1 <= height <= MOST_SIDE and 1 <= width <= MOST_SIDE)
        or picture.shape[:2] != (rows * height, columns * width)
        or colours not in ((), (3,) if layout.image else ())
    ):
        return None
    tiles = picture.reshape(rows, height, columns, width, *colours).swapaxes(1, 2)
    images = tiles.reshape(-1, height, width, *colours)
    of_parts = (layout.prior, *2 * (layout.pairs,), *layout.interpolations * (1,), *len(layout.chain) * (layout.pairs,))
    prior, originals, reconstructions, *paths = np.split(images, np.cumsum(of_parts)[:-1] * columns)
    lines, chain = paths[: layout.interpolations], paths[layout.interpolations :]
    return Sheet(prior, originals, reconstructions, tuple(lines), tuple(chain))


GAP = 1
"""Columns between two images."""

FACTORS = (1, 2, 3)
"""Factors by which images may be shrunk; digits cannot be read at larger ones."""


class Grid(NamedTuple):
    """Images ``(rows, columns, 28, 28)`` with the labels of rows and columns."""

    images: npt.NDArray[np.uint8]
    rows: tuple[str, ...]
    columns: tuple[str, ...]


def cut_grid(picture: Pixels, rows: Sequence[str], columns: Sequence[str]) -> Grid | None:
    """Cut a picture into a grid of images; ``None`` if their number is not that of the labels."""
    if not rows or not columns or picture.shape != (len(rows) * IMAGE_SIDE, len(columns) * IMAGE_SIDE):
        return None
    tiles = picture.reshape(len(rows), IMAGE_SIDE, len(columns), IMAGE_SIDE).transpose(0, 2, 1, 3)
    return Grid(tiles, tuple(rows), tuple(columns))


def image_size(factor: int) -> tuple[int, int]:
    """Return columns and lines of an image in half blocks."""
    side = IMAGE_SIDE // factor
    return side, (side + 1) // 2


def across(columns: int, width: int, factor: int) -> int:
    """Return the images in a line: a row that is too long is wrapped into parts of about equal length."""
    most = max(1, (width + GAP) // (image_size(factor)[0] + GAP))
    parts = -(-columns // most)
    return -(-columns // parts)


def height(grid: Grid, width: int, factor: int) -> int:
    """Return the lines of a grid: its images, and the labels of rows and columns, repeated in every part."""
    rows, columns = len(grid.rows), len(grid.columns)
    parts = -(-columns // across(columns, width, factor))
    lines = rows * parts * image_size(factor)[1] + sum(map(bool, grid.rows))
    if any(grid.columns):
        lines += rows * parts if parts > 1 else 1
    return lines


def fitting_factor(grids: Sequence[Grid], width: int, lines: int, factors: Sequence[int] = FACTORS) -> int | None:
    """Return the least factor at which all grids fit below each other; ``None`` if there is none."""
    return next((f for f in factors if sum(height(grid, width, f) for grid in grids) <= lines), None)


def scrolled_factor(grids: Sequence[Grid], width: int, factors: Sequence[int] = FACTORS) -> int:
    """Return the factor for grids that must be scrolled.

    It is the least one beyond 1 at which no row wraps, or at least four images fit in a line; else the largest.
    """
    for factor in factors[1:]:
        if all(across(len(grid.columns), width, factor) == len(grid.columns) for grid in grids):
            return factor
    return next((factor for factor in factors[1:] if across(4, width, factor) == 4), factors[-1])
