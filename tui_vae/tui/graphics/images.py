"""Images as cells: half blocks, shades of ASCII, or placeholders of grey pictures that the terminal draws."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Protocol

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tui_vae.tui.graphics.kitty import MOST_CELLS, cell
from tui_vae.view.image_cells import (
    UPPER_HALF,
    Pixels,
    ascii_shades,
    channels,
    colour_codes,
    half_blocks,
    levels,
    scaled,
)

_GREY_STEP = 8
"""Levels of grey, or of a colour, are rounded to steps that cannot be told apart, so that few styles are needed."""

Draw = Callable[[Pixels, float], list[list[Segment]]]
"""Draws an image at a scale: in width a character for each scaled pixel, in height one for two."""


def shade_lines(image: Pixels, scale: float) -> list[list[Segment]]:
    """Draw with ASCII, where there are no greys; a :data:`Draw`."""
    return [[Segment(line)] for line in ascii_shades(scaled(image, scale))]


def half_block_lines(image: Pixels, scale: float) -> list[list[Segment]]:
    """Draw with half blocks; a :data:`Draw`."""
    steps = scaled(image, scale) // np.uint8(_GREY_STEP)
    if image.ndim == 3:
        return [[_colour_segment(*cells) for cells in row] for row in half_blocks(colour_codes(steps))]
    return [[_segment(*cells) for cells in row] for row in half_blocks(steps)]


def grey(level: int) -> Color:
    """Return the colour of a grey level (0 to 255), rounded."""
    return _grey(level // _GREY_STEP)


@functools.lru_cache(maxsize=8192)
def _segment(count: int, upper: int, lower: int) -> Segment:
    return Segment(UPPER_HALF * count, Style(color=_grey(upper), bgcolor=_grey(lower)))


@functools.lru_cache(maxsize=8192)
def _colour_segment(count: int, upper: int, lower: int) -> Segment:
    front, back = (Color.from_rgb(*map(_value, channels(code))) for code in (upper, lower))
    return Segment(UPPER_HALF * count, Style(color=front, bgcolor=back))


def _grey(level: int) -> Color:
    value = _value(level)
    return Color.from_rgb(value, value, value)


def _value(level: int) -> int:
    """Return the value (0 to 255) of a rounded level."""
    return min(255, level * _GREY_STEP + (level * _GREY_STEP) // 32)


_MOST_PICTURES = 1024
"""Pictures in a generation: several times as many as the largest terminal shows at once."""

_COARSE_STEP = 32
"""Coarser steps of the grey below a picture, which is visible at its edge and under a dialog."""

_FIRST, _NUMBERS = 0x80_00_01, 0xFF_FF
"""Red is 128 in all numbers; a dialog's dimming changes it, so that no dimmed number is another picture's."""


class GraphicsProtocol(Protocol):
    """How a terminal shows pictures in place of placeholders."""

    lasting: bool
    """Whether pictures survive whatever happens to the window."""

    min_scale_for_half_blocks: float
    """Scale from which half blocks show as much."""

    def add(self, number: int, image: Pixels, columns: int, lines: int) -> None:
        """Register a grey picture ``(height, width)`` for a box of cells, which may be shown from now on."""

    def forget(self, number: int) -> None:
        """Unregister a picture."""

    def written(self, text: str) -> str:
        """Return what to send to the terminal for text with placeholders."""
        ...


class TerminalImages:
    """Numbers pictures and registers them with a protocol.

    Args:
        protocol: How they come to be seen.
    """

    def __init__(self, protocol: GraphicsProtocol) -> None:
        self.written = protocol.written
        self.lasting = protocol.lasting
        self.min_scale_for_half_blocks = protocol.min_scale_for_half_blocks
        self._protocol = protocol
        self._numbered = os.getpid()  # programs that share a window should not share numbers
        self._before, self._album = _Album(self), _Album(self)

    def draw(self) -> Draw:
        """Return how to draw from now on. When it changes, everything drawn before has to be drawn again."""
        if len(self._album.numbers) >= _MOST_PICTURES:
            self._give_up(self._before)
            self._before, self._album = self._album, _Album(self)
        return self._album.lines

    def unregister_all(self) -> None:
        """Forget all pictures, when the terminal is left."""
        for album in (self._before, self._album):
            self._give_up(album)
        self._before, self._album = _Album(self), _Album(self)

    def add(self, image: Pixels, columns: int, lines: int) -> int:
        """Register an image for a box of cells; returns its number."""
        number = _FIRST + self._numbered % _NUMBERS
        self._numbered += 1
        self._protocol.add(number, image, columns, lines)
        return number

    def _give_up(self, album: _Album) -> None:
        for number in album.numbers.values():
            self._protocol.forget(number)


class _Album:
    """The numbers of pictures, by content and width."""

    def __init__(self, images: TerminalImages) -> None:
        self._images = images
        self.numbers: dict[tuple[bytes, int], int] = {}

    def lines(self, image: Pixels, scale: float) -> list[list[Segment]]:
        """Draw with placeholders; where the terminal shows no picture, the background of a cell is its mean grey.

        Images with colours are drawn with half blocks.
        """
        if image.ndim == 3 or scale >= self._images.min_scale_for_half_blocks:
            return half_block_lines(image, scale)
        rows = [[level // _COARSE_STEP * _COARSE_STEP for level in row] for row in levels(scaled(image, scale))]
        columns = len(rows[0])
        if max(columns, len(rows)) > MOST_CELLS:
            return half_block_lines(image, scale)
        key = image.tobytes(), columns
        if key not in self.numbers:
            self.numbers[key] = self._images.add(image, columns, len(rows))
        number = self.numbers[key]
        colour = Color.from_rgb(number >> 16, number >> 8 & 255, number & 255)
        styles = {level: Style(color=colour, bgcolor=grey(level)) for level in {level for row in rows for level in row}}
        return [
            [
                Segment("".join(cell(line, column) for column in range(start, end)), styles[row[start]])
                for start, end in _pieces(row)
            ]
            for line, row in enumerate(rows)
        ]


def _pieces(row: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the ends of pieces of one level, each of a power of two cells.

    The library cuts text at a share of its length: for such pieces that is exact, and no cell loses its marks.
    """
    start = 0
    for _, cells in groupby(row):
        end = start + len(list(cells))
        while start < end:
            size = 1 << (end - start).bit_length() - 1
            yield start, start + size
            start += size
