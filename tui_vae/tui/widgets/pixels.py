"""Grey images as segments: half blocks, or shades of ASCII where there are no greys."""

from __future__ import annotations

import functools
from itertools import groupby

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tui_vae.view.cells import UPPER_HALF, Cell, Pixels, ascii_shades, half_blocks

_GREY_STEP = 8
"""Grey levels are rounded to steps that no eye tells apart, so that few styles are needed."""


def image_lines(image: Pixels, *, shades: bool) -> list[list[Segment]]:
    """Lines of an image, a character for each pixel in width and two in height."""
    if shades:
        return [[Segment(line)] for line in ascii_shades(image)]
    return [
        [Segment(UPPER_HALF * len(list(cells)), _style(*levels)) for levels, cells in groupby(row, _levels)]
        for row in half_blocks(image)
    ]


def _levels(cell: Cell) -> tuple[int, int]:
    return cell.upper // _GREY_STEP, cell.lower // _GREY_STEP


@functools.lru_cache(maxsize=2048)
def _style(upper: int, lower: int) -> Style:
    return Style(color=_grey(upper), bgcolor=_grey(lower))


def _grey(level: int) -> Color:
    value = min(255, level * _GREY_STEP + (level * _GREY_STEP) // 32)
    return Color.from_rgb(value, value, value)
