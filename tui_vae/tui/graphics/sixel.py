"""DEC's sixel graphics: a grey picture as text that a terminal draws at its cursor.

A sixel is a column of six pixels, one character; a band of them is drawn once for each colour in it. See chapter 14 of
the VT330/VT340 Programmer Reference Manual, volume 2, https://vt100.net/docs/vt3xx-gp/chapter14.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tui_vae.tui.graphics.kitty import PLACEHOLDER, place
from tui_vae.view.image_cells import Pixels
from tui_vae.view.terminal_probe import CellSize

GREYS = 16
"""A VT340 has so many colour registers; emulations may have no more."""

_GREY_OF = ((np.arange(256) * (GREYS - 1) + 127) // 255).astype(np.uint8)
"""The nearest register for each level."""
_PERCENTS = [round(100 * grey / (GREYS - 1)) for grey in range(GREYS)]
_DEFINITIONS = [f"#{grey};2;{percent};{percent};{percent}" for grey, percent in enumerate(_PERCENTS)]
"""Defines a register for each grey, in percent of red, green and blue."""

_BAND = 6
_CHARACTERS = [chr(63 + bits) for bits in range(1 << _BAND)]
"""Bits of the six pixels; the lowest is at the top."""

_WORTH_COUNTING = 4
"""Length from which run-length encoding of equal sixels is shorter."""


def sixels(rows: Pixels, widths: npt.NDArray[np.intp]) -> str:
    """Return the sequence that draws an image at the cursor.

    Args:
        rows: Grey levels (0 to 255), ``(height, columns)``, a pixel high each.
        widths: How many pixels wide each column is, ``(columns,)``.

    Returns:
        A device control string. Pixels of its last band that are below the image stay as they are on the screen (its
        second parameter), and so none of them is part of the picture, whose size it tells by its raster attributes.
    """
    levels = _GREY_OF[rows]
    counts = widths.tolist()
    colours = "".join(_DEFINITIONS[level] for level in _present(levels))
    bands = "-".join(_band(levels[top : top + _BAND], counts) for top in range(0, len(levels), _BAND))
    return f'\x1bP0;1;0q"1;1;{sum(counts)};{len(levels)}{colours}{bands}\x1b\\'


def _present(levels: Pixels) -> list[int]:
    return sorted(set(levels.tobytes()))


def _band(levels: Pixels, counts: list[int]) -> str:
    """Encode up to six rows of pixels, ``(rows, columns)``, one grey after another."""
    greys = _present(levels)
    drawn = levels == np.array(greys, dtype=np.uint8)[:, None, None]
    codes = np.packbits(drawn, axis=1, bitorder="little")[:, 0].tolist()
    return "$".join(f"#{grey}{_run_lengths(line, counts)}" for grey, line in zip(greys, codes, strict=True))


def _run_lengths(sixels: list[int], counts: list[int]) -> str:
    """Encode runs of sixels, given as bits and length; trailing empty ones are left out."""
    runs, drawn = [], 0
    place = 0
    for bits, run in groupby(sixels):
        start, place = place, place + len(list(run))
        count = sum(counts[start:place])
        runs.append(f"!{count}{_CHARACTERS[bits]}" if count >= _WORTH_COUNTING else _CHARACTERS[bits] * count)
        drawn = len(runs) if bits else drawn
    return "".join(runs[:drawn])


_SAVE, _RESTORE = "\x1b7", "\x1b8"
"""Save and restore the cursor: where it is after a sixel sequence differs between terminals."""
_RESET = "\x1b[0m"
_STYLED = re.compile(
    r"\x1b\[(?:\d;)*38;2;(?P<red>\d+);(?P<green>\d+);(?P<blue>\d+);?(?P<background>[\d;]*)m"
    rf"(?P<cells>(?:{PLACEHOLDER}..)+){re.escape(_RESET)}"
)
"""Adjacent cells of one style, as Textual writes them."""
_ROW = re.compile(rf"(?:\x1b\[[\d;]+m(?:{PLACEHOLDER}..)+{re.escape(_RESET)})+")


class _Part(NamedTuple):
    """Part of a line of a picture's box, in one style."""

    number: int
    line: int
    column: int
    cells: int
    before: int
    """Cells between the start of the row and this part."""
    blank: str
    """Text of the same cells without the picture."""

    @property
    def belongs_to(self) -> tuple[int, int, int]:
        """Parts with equal keys are placed in their row as in the picture."""
        return self.number, self.line, self.column - self.before


@dataclass(frozen=True)
class _Picture:
    image: Pixels
    columns: int
    lines: int
    strips: dict[tuple[int, int, int, CellSize], str] = field(default_factory=dict)
    """The sequences of strips drawn so far."""


class SixelGraphics:
    """Replaces placeholders in text by sixel sequences.

    Args:
        cell_size: Returns the size of a cell, which changes with the font.
    """

    lasting = False
    min_scale_for_half_blocks = 1.0
    """Scale from which a pixel covers half a cell or more; half blocks then have more greys, in fewer bytes."""

    def __init__(self, cell_size: Callable[[], CellSize]) -> None:
        self._cell_size = cell_size
        self._pictures: dict[int, _Picture] = {}

    def add(self, number: int, image: Pixels, columns: int, lines: int) -> None:
        self._pictures[number] = _Picture(image, columns, lines)

    def forget(self, number: int) -> None:
        del self._pictures[number]

    def written(self, text: str) -> str:
        if PLACEHOLDER not in text:
            return text
        size = self._cell_size()
        return _ROW.sub(lambda row: "".join(self._drawn(row[0], size)), text)

    def _drawn(self, row: str, size: CellSize) -> Iterator[str]:
        for (number, line, _), group in groupby(_parts(row), key=lambda part: part.belongs_to):
            parts = list(group)
            blank = "".join(part.blank for part in parts) + _RESET
            picture = self._pictures.get(number)
            if picture is None:  # not a picture's number, but a colour mixed with a dialog's
                yield blank
                continue
            start, end = parts[0].column, parts[-1].column + parts[-1].cells
            # Blank the cells first: they would show through, or return, wherever the terminal draws a strip smaller.
            yield f"{_SAVE}{blank}{_RESTORE}{_strip(picture, line, start, end, size)}{_RESTORE}\x1b[{end - start}C"


def _parts(row: str) -> Iterator[_Part]:
    before = 0
    for styled in _STYLED.finditer(row):
        line, column, count = place(styled["cells"])
        number = int(styled["red"]) << 16 | int(styled["green"]) << 8 | int(styled["blue"])
        yield _Part(number, line, column, count, before, f"\x1b[{styled['background']}m{' ' * count}")
        before += count


def _strip(picture: _Picture, line: int, start: int, end: int, size: CellSize) -> str:
    """Return the sequence that draws the columns from ``start`` to ``end`` of a line of the picture's box."""
    key = line, start, end, size
    if key not in picture.strips:
        height, width = picture.image.shape
        rows = _nearest(range(line * size.height, (line + 1) * size.height), picture.lines * size.height, height)
        columns = _nearest(range(start * size.width, end * size.width), picture.columns * size.width, width)
        seen, widths = np.unique(columns, return_counts=True)
        picture.strips[key] = sixels(picture.image[np.ix_(rows, seen)], widths)
    return picture.strips[key]


def _nearest(positions: range, length: int, pixels: int) -> npt.NDArray[np.intp]:
    """Return the index of the nearest pixel for each position, when so many pixels are stretched to a length."""
    middles = 2 * np.arange(positions.start, positions.stop) + 1
    return middles * pixels // (2 * length)
