"""Cells that stand for parts of a picture, as those of kitty's graphics protocol do.

A picture has a number, and a box of cells. It is seen wherever a cell has the placeholder character with the cell's row
and column in the box as marks above it, and the number as its colour. Thus it is text: it scrolls, is cut off and lies
under others as text does. See https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders.
"""

from __future__ import annotations

import base64
import functools
import math
import zlib

from tui_vae.view.image_cells import Pixels

PLACEHOLDER = "\U0010eeee"

_RANGES = """
305 30D-30E 310 312 33D-33F 346 34A-34C 350-352 357 35B 363-36F 483-487 592-595 597-599 59C-5A1 5A8-5A9 5AB-5AC 5AF
5C4 610-617 657-65B 65D-65E 6D6-6DC 6DF-6E2 6E4 6E7-6E8 6EB-6EC 730 732-733 735-736 73A 73D 73F-741 743 745 747
749-74A 7EB-7F1 7F3 816-819 81B-823 825-827 829-82D 951 953-954 F82-F83 F86-F87 135D-135F 17DD 193A 1A17 1A75-1A7C
1B6B 1B6D-1B73 1CD0-1CD2 1CDA-1CDB 1CE0 1DC0-1DC1 1DC3-1DC9 1DCB-1DCC 1DD1-1DE6 1DFE 20D0-20D1 20D4-20D7 20DB-20DC
20E1 20E7 20E9 20F0 2CEF-2CF1 2DE0-2DFF A66F A67C-A67D A6F0-A6F1 A8E0-A8F1 AAB0 AAB2-AAB3 AAB7-AAB8 AABE-AABF AAC1
FE20-FE26 10A0F 10A38 1D185-1D189 1D1AA-1D1AD 1D242-1D244
"""
"""The diacritics for 0, 1, 2 and so on."""
_MARKS = [
    chr(code)
    for first, _, last in (part.partition("-") for part in _RANGES.split())
    for code in range(int(first, 16), int(last or first, 16) + 1)
]
MOST_CELLS = len(_MARKS)
"""Most columns, or lines, of a box."""
_PLACES = {mark: place for place, mark in enumerate(_MARKS)}

_CHARACTERS = 3
"""Characters of a cell: the placeholder and two diacritics."""


@functools.cache
def cell(line: int, column: int) -> str:
    """Return the text of a cell of a box, counted from 0."""
    return PLACEHOLDER + _MARKS[line] + _MARKS[column]


def place(cells: str) -> tuple[int, int, int]:
    """Return the line and the first column of adjacent cells of a box, counted from 0, and their number."""
    return _PLACES[cells[1]], _PLACES[cells[2]], len(cells) // _CHARACTERS


_CHUNK = 4096


class KittyGraphics:
    """Sends pictures to the terminal just before the text in which they first appear."""

    lasting = True
    min_scale_for_half_blocks = math.inf

    def __init__(self) -> None:
        self._pending: list[str] = []

    def add(self, number: int, image: Pixels, columns: int, lines: int) -> None:
        self._pending.append(transmission(number, image, columns, lines))

    def forget(self, number: int) -> None:
        self._pending.append(deletion(number))

    def written(self, text: str) -> str:
        commands, self._pending = "".join(self._pending), []
        return commands + text


def transmission(number: int, image: Pixels, columns: int, lines: int) -> str:
    """Return the commands that send a grey image ``(height, width)`` for a box of cells, without a reply."""
    height, width = image.shape
    data = base64.standard_b64encode(zlib.compress(image.repeat(3).tobytes())).decode()
    chunks = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    what = f"a=T,U=1,C=1,q=2,i={number},c={columns},r={lines},f=24,o=z,s={width},v={height}"
    heads = [what, *["q=2"] * (len(chunks) - 1)]
    more = [1] * (len(chunks) - 1) + [0]
    return "".join(
        f"\x1b_G{head},m={follows};{chunk}\x1b\\" for head, follows, chunk in zip(heads, more, chunks, strict=True)
    )


def deletion(number: int) -> str:
    """Return the command that deletes an image."""
    return f"\x1b_Ga=d,d=I,q=2,i={number}\x1b\\"
