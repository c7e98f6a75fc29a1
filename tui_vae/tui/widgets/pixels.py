"""Grey images as segments: half blocks, or shades of ASCII where there are no greys."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tui_vae.view.image_cells import UPPER_HALF, Pixels, ascii_shades, half_blocks, scaled

_GREY_STEP = 8
"""Grey levels are rounded to steps that no eye tells apart, so that few styles are needed."""

Draw = Callable[[Pixels, float], list[list[Segment]]]
"""Lines of an image at a scale: a character for each pixel of the scaled image in width and two in height."""


def shade_lines(image: Pixels, scale: float) -> list[list[Segment]]:
    """As :data:`Draw`, where there are no greys."""
    return [[Segment(line)] for line in ascii_shades(scaled(image, scale))]


def half_block_lines(image: Pixels, scale: float) -> list[list[Segment]]:
    """As :data:`Draw`, wherever there are greys."""
    return [[_segment(*cells) for cells in row] for row in half_blocks(scaled(image, scale) // np.uint8(_GREY_STEP))]


def grey(level: int) -> Color:
    """The colour of a grey level (0 to 255), rounded."""
    return _grey(level // _GREY_STEP)


@functools.lru_cache(maxsize=8192)
def _segment(count: int, upper: int, lower: int) -> Segment:
    return Segment(UPPER_HALF * count, Style(color=_grey(upper), bgcolor=_grey(lower)))


def _grey(level: int) -> Color:
    value = min(255, level * _GREY_STEP + (level * _GREY_STEP) // 32)
    return Color.from_rgb(value, value, value)
