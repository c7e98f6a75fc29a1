"""Pictures by sixels: in the text for the terminal, what draws them takes the place of the cells that stand for them.

Each line of text draws its own strip of a picture, just where it has cells of it. So it does not matter what is drawn
anew, cut off or scrolled: a strip comes and goes with the cells that it covers, as letters do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tui_vae.tui.placeholders import PLACEHOLDER, place
from tui_vae.tui.sixel import sixels
from tui_vae.view.cell_size import CellSize
from tui_vae.view.image_cells import Pixels

_SAVE, _RESTORE = "\x1b7", "\x1b8"
"""The cursor: where it stands after a sixel sequence differs from terminal to terminal."""
_RESET = "\x1b[0m"
_STYLED = re.compile(
    r"\x1b\[(?:\d;)*38;2;(?P<red>\d+);(?P<green>\d+);(?P<blue>\d+);?(?P<background>[\d;]*)m"
    rf"(?P<cells>(?:{PLACEHOLDER}..)+){re.escape(_RESET)}"
)
"""Neighbouring cells of one style, as the library writes them."""
_ROW = re.compile(rf"(?:\x1b\[[\d;]+m(?:{PLACEHOLDER}..)+{re.escape(_RESET)})+")


class _Part(NamedTuple):
    """Part of a line of a picture's box, of one style."""

    number: int
    line: int
    column: int
    cells: int
    before: int
    """Cells between the beginning of the row and this part."""
    blank: str
    """The same cells, with nothing but their background."""

    @property
    def belongs_to(self) -> tuple[int, int, int]:
        """Parts that have this in common lie in their row as in the picture."""
        return self.number, self.line, self.column - self.before


@dataclass(frozen=True)
class _Picture:
    image: Pixels
    columns: int
    lines: int
    strips: dict[tuple[int, int, int, CellSize], str] = field(default_factory=dict)
    """What was drawn of it."""


class SixelGraphics:
    """Draws pictures in what is written to the terminal.

    Args:
        cell_size: Tells the size of a cell, which changes with the font.
    """

    lasting = False
    blocks_from = 1.0
    """From there on every pixel has half a cell or more, and half blocks have more greys, in fewer bytes."""

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
            if picture is None:  # no number, but a colour that something in front of the picture was mixed with
                yield blank
                continue
            start, end = parts[0].column, parts[-1].column + parts[-1].cells
            # What was there goes first: it would be seen, or come back, wherever the terminal draws a strip smaller.
            yield f"{_SAVE}{blank}{_RESTORE}{_strip(picture, line, start, end, size)}{_RESTORE}\x1b[{end - start}C"


def _parts(row: str) -> Iterator[_Part]:
    before = 0
    for styled in _STYLED.finditer(row):
        line, column, count = place(styled["cells"])
        number = int(styled["red"]) << 16 | int(styled["green"]) << 8 | int(styled["blue"])
        yield _Part(number, line, column, count, before, f"\x1b[{styled['background']}m{' ' * count}")
        before += count


def _strip(picture: _Picture, line: int, start: int, end: int, size: CellSize) -> str:
    """What draws the columns from ``start`` to ``end`` of a line of the picture's box."""
    key = line, start, end, size
    if key not in picture.strips:
        height, width = picture.image.shape
        rows = _nearest(range(line * size.height, (line + 1) * size.height), picture.lines * size.height, height)
        columns = _nearest(range(start * size.width, end * size.width), picture.columns * size.width, width)
        seen, widths = np.unique(columns, return_counts=True)
        picture.strips[key] = sixels(picture.image[np.ix_(rows, seen)], widths)
    return picture.strips[key]


def _nearest(places: range, length: int, pixels: int) -> npt.NDArray[np.intp]:
    """Which of so many pixels, stretched to a length, is nearest to the middle of each place."""
    middles = 2 * np.arange(places.start, places.stop) + 1
    return middles * pixels // (2 * length)
