"""Character cells that lines and marks are drawn into, in colours; a line is made of braille dots, 2 × 4 a cell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tui_vae.view.series import FloatArray

IntArray = npt.NDArray[np.int64]

RGB = tuple[int, int, int]
Run = tuple[str, RGB | None]
"""Neighbouring cells of one colour, ``None`` being that of plain text."""

DOTS_ACROSS, DOTS_DOWN = 2, 4
_BRAILLE = 0x2800
_BITS = np.array([[0x40, 0x80], [0x04, 0x20], [0x02, 0x10], [0x01, 0x08]], dtype=np.uint8)
"""The bit of each dot in a cell, from the lowest row up."""
_BLANK = ord(" ")
_PLAIN = -1
_FAR = 1e7


class Canvas:
    """``columns`` × ``rows`` blank cells. Places are fractions of its width and height, from 0 at the lower left to 1.

    What is drawn later lies above; lines in one cell share it in the colour of the last.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._dots = np.zeros((rows, columns), dtype=np.uint8)
        self._codes = np.full((rows, columns), _BLANK, dtype="<u4")
        self._colours = np.full((rows, columns), _PLAIN, dtype=np.int64)

    def line(self, x: FloatArray, y: FloatArray, colour: RGB) -> None:
        """A line through points, as far as it is inside; it is interrupted where a point is not finite."""
        width, height = self.columns * DOTS_ACROSS, self.rows * DOTS_DOWN
        across, up = line_dots(x * (width - 1), y * (height - 1), width, height)
        column, row = across // DOTS_ACROSS, self.rows - 1 - up // DOTS_DOWN
        np.bitwise_or.at(self._dots, (row, column), _BITS[up % DOTS_DOWN, across % DOTS_ACROSS])
        self._codes[row, column] = _BLANK
        self._colours[row, column] = _packed(colour)

    def marks(self, x: FloatArray, y: FloatArray, mark: str, colour: RGB) -> None:
        """One character for each point that is inside."""
        inside = (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
        column, row = self.column(x[inside]), self.row(y[inside])
        self._dots[row, column] = 0
        self._codes[row, column] = ord(mark)
        self._colours[row, column] = _packed(colour)

    def across(self, y: float, mark: str, colour: RGB) -> None:
        """A row of one character; nothing when it is outside."""
        if 0 <= y <= 1:
            row = int(self.row(np.array([y]))[0])
            self._dots[row], self._codes[row], self._colours[row] = 0, ord(mark), _packed(colour)

    def column(self, x: FloatArray) -> IntArray:
        """The column in which points lie, given as fractions of the width."""
        return _cell(x, self.columns, DOTS_ACROSS)

    def row(self, y: FloatArray) -> IntArray:
        """The row from the top in which points lie, given as fractions of the height."""
        return self.rows - 1 - _cell(y, self.rows, DOTS_DOWN)

    def lines(self) -> list[list[Run]]:
        """The rows from the top down."""
        codes = np.where(self._dots > 0, _BRAILLE + self._dots.astype("<u4"), self._codes)
        result = []
        for row, colours in zip(codes, self._colours, strict=True):
            text = row.tobytes().decode("utf-32-le")
            starts = [0, *(np.flatnonzero(np.diff(colours)) + 1).tolist()]
            ends = [*starts[1:], self.columns]
            values = colours[starts].tolist()
            result.append([(text[a:b], _unpacked(v)) for a, b, v in zip(starts, ends, values, strict=True)])
        return result


def _cell(fraction: FloatArray, cells: int, dots: int) -> IntArray:
    """The cell that holds the dot at a place, so that marks lie on the lines through the same points."""
    place: IntArray = np.floor(fraction * (cells * dots - 1) + 0.5).astype(np.int64) // dots
    return np.clip(place, 0, cells - 1)


def _packed(colour: RGB) -> int:
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def _unpacked(value: int) -> RGB | None:
    return None if value == _PLAIN else (value >> 16, value >> 8 & 255, value & 255)


def line_dots(x: FloatArray, y: FloatArray, width: int, height: int) -> tuple[IntArray, IntArray]:
    """The dots of a line through points, on a grid of ``width`` × ``height``.

    Args:
        x, y: Points in dots. Where one is not finite the line is interrupted; outside the grid it is cut off.

    Returns:
        Column and row of every dot, from the lower left, some of them more than once.
    """
    points = np.isfinite(x) & np.isfinite(y)
    # What lies further off is drawn alike, and would cost the digits of what is inside.
    x, y = np.clip(x, -_FAR, _FAR), np.clip(y, -_FAR, _FAR)
    with np.errstate(all="ignore"):
        dx, dy = np.diff(x), np.diff(y)
        drawn = points[:-1] & points[1:]
        start, end = _clipped(x[:-1], dx, width, np.zeros(len(dx)), np.where(drawn, 1.0, -1.0))
        start, end = _clipped(y[:-1], dy, height, start, end)
    inside = np.flatnonzero(start <= end)
    dx, dy, start, end = dx[inside], dy[inside], start[inside], end[inside]
    # A little more than a dot for each step of the longer side, so that rounding leaves none out.
    counts = np.ceil(np.maximum(np.abs(dx), np.abs(dy)) * (end - start)).astype(np.int64) + 2
    segment = np.repeat(np.arange(len(inside)), counts)
    number = np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = start[segment] + (end - start)[segment] * number / (counts - 1)[segment]
    # Points with a gap on either side belong to no segment.
    alone = points.copy()
    alone[1:] &= ~points[:-1]
    alone[:-1] &= ~points[1:]
    alone &= (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    across = np.concatenate((x[inside][segment] + place * dx[segment], x[alone]))
    up = np.concatenate((y[inside][segment] + place * dy[segment], y[alone]))
    return (
        np.clip(np.floor(across + 0.5).astype(np.int64), 0, width - 1),
        np.clip(np.floor(up + 0.5).astype(np.int64), 0, height - 1),
    )


def _clipped(
    origin: FloatArray, length: FloatArray, size: int, start: FloatArray, end: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Where lines enter and leave one side of the grid, as parts of their length (Liang & Barsky, 1984)."""
    first, last = (-0.5 - origin) / length, (size - 0.5 - origin) / length
    outside = (length == 0) & ((origin < -0.5) | (origin > size - 0.5))
    flat = length == 0
    enter = np.where(flat, start, np.minimum(first, last))
    leave = np.where(flat, np.where(outside, -1.0, end), np.maximum(first, last))
    return np.maximum(start, enter), np.minimum(end, leave)
