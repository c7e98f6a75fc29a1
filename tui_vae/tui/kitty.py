"""Kitty's graphics protocol, as far as it is used here: pictures that are known to the terminal by numbers.

A picture is sent once, under a number, for a box of cells; the terminal draws it in place of the cells that stand for
it. See https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders.
"""

from __future__ import annotations

import base64
import math
import zlib

from tui_vae.view.image_cells import Pixels

_CHUNK = 4096


class KittyGraphics:
    """Tells the terminal of pictures before it is written to: they are sent before they are first seen."""

    lasting = True
    blocks_from = math.inf

    def __init__(self) -> None:
        self._told: list[str] = []

    def add(self, number: int, image: Pixels, columns: int, lines: int) -> None:
        self._told.append(transmission(number, image, columns, lines))

    def forget(self, number: int) -> None:
        self._told.append(deletion(number))

    def written(self, text: str) -> str:
        told, self._told = "".join(self._told), []
        return told + text


def transmission(number: int, image: Pixels, columns: int, lines: int) -> str:
    """What gives the terminal a grey image ``(height, width)`` for a box of so many cells; it does not answer."""
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
    """What makes the terminal forget an image."""
    return f"\x1b_Ga=d,d=I,q=2,i={number}\x1b\\"
