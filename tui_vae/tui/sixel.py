"""DEC's sixel graphics: a grey picture as text that a terminal draws at its cursor.

A sixel is a column of six pixels, one character; a band of them is drawn once for each colour in it. See chapter 14 of
the VT330/VT340 Programmer Reference Manual, volume 2, https://vt100.net/docs/vt3xx-gp/chapter14.html.
"""

from __future__ import annotations

from itertools import groupby

import numpy as np
import numpy.typing as npt

from tui_vae.view.image_cells import Pixels

GREYS = 16
"""As many colours as a VT340 has registers: terminals that stand for one may have no more."""

_GREY_OF = ((np.arange(256) * (GREYS - 1) + 127) // 255).astype(np.uint8)
"""The nearest of them, for each level."""
_PERCENTS = [round(100 * grey / (GREYS - 1)) for grey in range(GREYS)]
_DEFINITIONS = [f"#{grey};2;{percent};{percent};{percent}" for grey, percent in enumerate(_PERCENTS)]
"""Of a register for each grey, by percents of red, green and blue."""

_BAND = 6
_CHARACTERS = [chr(63 + bits) for bits in range(1 << _BAND)]
"""Of sixels: the lowest bit is the uppermost pixel."""

_WORTH_COUNTING = 4
"""From so many equal sixels on it is shorter to count them."""


def sixels(rows: Pixels, widths: npt.NDArray[np.intp]) -> str:
    """The sequence that draws an image at the cursor.

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
    """Up to six rows of pixels, ``(rows, columns)``: each of their greys from the left on, one upon the other."""
    greys = _present(levels)
    drawn = levels == np.array(greys, dtype=np.uint8)[:, None, None]
    codes = np.packbits(drawn, axis=1, bitorder="little")[:, 0].tolist()
    return "$".join(f"#{grey}{_run_lengths(line, counts)}" for grey, line in zip(greys, codes, strict=True))


def _run_lengths(sixels: list[int], counts: list[int]) -> str:
    """Sixels, each its bits and how often it comes; those at the end that draw nothing are left out."""
    runs, drawn = [], 0
    place = 0
    for bits, run in groupby(sixels):
        start, place = place, place + len(list(run))
        count = sum(counts[start:place])
        runs.append(f"!{count}{_CHARACTERS[bits]}" if count >= _WORTH_COUNTING else _CHARACTERS[bits] * count)
        drawn = len(runs) if bits else drawn
    return "".join(runs[:drawn])
