"""Labelled grids of images in a text output: half blocks of greys, or shades of ASCII where those cannot be shown."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tui_vae.config import IMAGE_SIDE
from tui_vae.metrics import Picture
from tui_vae.view.image_cells import UPPER_HALF, Pixels, ascii_shades, half_blocks, shrunk
from tui_vae.view.sanitize import printable

_FACTORS = (1, 2, 3)
"""Digits shrunk by more than 3, to fewer than 9 pixels, cannot be read."""
_LABEL_GAP = 1


@dataclass(frozen=True)
class Arrangement:
    """How a grid is laid out in a width.

    Attributes:
        factor: By which the images are shrunk.
        columns: Images in a row; the others follow in bands below.
        label_width: Cells to the left of the images for the label of their row; 0 when it stands above them.
    """

    factor: int
    columns: int
    label_width: int

    @property
    def image_width(self) -> int:
        return IMAGE_SIDE // self.factor


def arrange(columns: int, widest_label: int, width: int) -> Arrangement:
    """The fewest bands at which the images can be read, then the largest images, then labels to their left.

    Args:
        columns: Of the grid.
        widest_label: Cells of the longest label of a row.
        width: Cells of the output.
    """
    to_left = widest_label + _LABEL_GAP if widest_label else 0
    for bands in range(1, columns + 1):
        in_band = -(-columns // bands)
        for factor in _FACTORS:
            images = in_band * (IMAGE_SIDE // factor)
            for label_width in (to_left, 0):
                if images + label_width <= width:
                    return Arrangement(factor, in_band, label_width)
    return Arrangement(_FACTORS[-1], 1, 0)


def print_picture(console: Console, picture: Picture, pixels: Pixels, *, ascii_only: bool) -> None:
    """Print the title, the labels and the images of a picture; all lines fit the console, and an empty one follows.

    Args:
        console: Its width and colours decide on the layout.
        picture: What the images show.
        pixels: uint8 ``(rows · 28, columns · 28)``.
        ascii_only: Draw with ASCII also where there are colours.
    """
    console.print(Text(printable(picture.title), style="bold"))
    rows, columns = len(picture.rows), len(picture.columns)
    if pixels.shape != (rows * IMAGE_SIDE, columns * IMAGE_SIDE):
        console.print(Text("its file does not hold the images that its labels speak of", style="yellow"))
        return
    shades = ascii_only or console.no_color or console.color_system is None
    row_labels = [Text(printable(label)) for label in picture.rows]
    column_labels = [Text(printable(label)) for label in picture.columns]
    layout = arrange(columns, max((label.cell_len for label in row_labels), default=0), console.width)
    tiles = pixels.reshape(rows, IMAGE_SIDE, columns, IMAGE_SIDE).transpose(0, 2, 1, 3)
    for first in range(0, columns, layout.columns):
        band = slice(first, first + layout.columns)
        for line in _band(layout, row_labels, column_labels[band], tiles[:, band], shades=shades):
            console.print(line, no_wrap=True)
        console.print()


def _band(
    layout: Arrangement, row_labels: list[Text], column_labels: list[Text], tiles: Pixels, *, shades: bool
) -> Iterator[Text]:
    """The lines of one band of columns; ``tiles`` is ``(rows, columns, 28, 28)``."""
    width = layout.image_width
    if any(column_labels) and all(label.cell_len < width for label in column_labels):
        head = Text(" " * layout.label_width)
        for label in column_labels:
            label.align("center", width)
            head.append_text(label)
        yield head
    for label, images in zip(row_labels, tiles, strict=True):
        if label and not layout.label_width:
            yield label
        drawn = [_lines(shrunk(image, layout.factor), shades=shades) for image in images]
        middle = len(drawn[0]) // 2
        for number, parts in enumerate(zip(*drawn, strict=True)):
            line = label.copy() if number == middle and layout.label_width else Text()
            line.append(" " * (layout.label_width - line.cell_len))
            for part in parts:
                line.append_text(part)
            yield line


def _lines(image: Pixels, *, shades: bool) -> list[Text]:
    """One image as lines of as many cells as it has columns."""
    if shades:
        return [Text(line) for line in ascii_shades(image)]
    return [
        Text.assemble(*((UPPER_HALF * cells.length, _style(cells.upper, cells.lower)) for cells in row))
        for row in half_blocks(image)
    ]


@functools.lru_cache(maxsize=4096)
def _style(upper: int, lower: int) -> Style:
    return Style(color=Color.from_rgb(upper, upper, upper), bgcolor=Color.from_rgb(lower, lower, lower))
