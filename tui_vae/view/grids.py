"""Pictures of an evaluation: a grid of images cut by its labels, and the size at which grids fit on a screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tui_vae.config import IMAGE_SIDE
from tui_vae.view.image_cells import Pixels

GAP = 1
"""Columns between two images."""

FACTORS = (1, 2, 3)
"""By how much images may be shrunk; beyond, no digit can be told from another."""


class Grid(NamedTuple):
    """Images ``(rows, columns, 28, 28)``, what each row shows, and what each column does."""

    images: npt.NDArray[np.uint8]
    rows: tuple[str, ...]
    columns: tuple[str, ...]


def cut_grid(picture: Pixels, rows: Sequence[str], columns: Sequence[str]) -> Grid | None:
    """The images of a picture; ``None`` when it does not have as many as there are labels."""
    if not rows or not columns or picture.shape != (len(rows) * IMAGE_SIDE, len(columns) * IMAGE_SIDE):
        return None
    tiles = picture.reshape(len(rows), IMAGE_SIDE, len(columns), IMAGE_SIDE).transpose(0, 2, 1, 3)
    return Grid(tiles, tuple(rows), tuple(columns))


def image_size(factor: int) -> tuple[int, int]:
    """Columns and lines of an image in half blocks."""
    side = IMAGE_SIDE // factor
    return side, (side + 1) // 2


def across(columns: int, width: int, factor: int) -> int:
    """How many images stand beside each other: a row that is too long is broken into parts of about equal length."""
    most = max(1, (width + GAP) // (image_size(factor)[0] + GAP))
    parts = -(-columns // most)
    return -(-columns // parts)


def height(grid: Grid, width: int, factor: int) -> int:
    """Lines of a grid: its images, and the labels of its rows and columns, which are told again in every part."""
    rows, columns = len(grid.rows), len(grid.columns)
    parts = -(-columns // across(columns, width, factor))
    lines = rows * parts * image_size(factor)[1] + sum(map(bool, grid.rows))
    if any(grid.columns):
        lines += rows * parts if parts > 1 else 1
    return lines


def fitting_factor(grids: Sequence[Grid], width: int, lines: int, factors: Sequence[int] = FACTORS) -> int | None:
    """The least factor at which all grids fit under each other; ``None`` when they do at none."""
    return next((f for f in factors if sum(height(grid, width, f) for grid in grids) <= lines), None)


def scrolled_factor(grids: Sequence[Grid], width: int, factors: Sequence[int] = FACTORS) -> int:
    """The factor where lines must be scrolled: the least beyond 1 at which no row is broken, or four images and more
    stand beside each other; else the largest.
    """
    for factor in factors[1:]:
        if all(across(len(grid.columns), width, factor) == len(grid.columns) for grid in grids):
            return factor
    return next((factor for factor in factors[1:] if across(4, width, factor) == 4), factors[-1])
