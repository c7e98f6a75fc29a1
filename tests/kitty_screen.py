"""What a terminal that knows kitty's protocol makes of what it gets: a reading of its own, not that of the package."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from rich.segment import Segment

from tui_vae.view.image_cells import Pixels

PLACEHOLDER = chr(0x10EEEE)
_COMMAND = re.compile(r"\x1b_G([^;\x1b]*)(?:;([^\x1b]*))?\x1b\\")


@dataclass
class Held:
    """An image that the terminal has, and the box it is for."""

    pixels: Pixels
    columns: int
    lines: int


class KittyScreen:
    """The images that were sent and not deleted."""

    def __init__(self) -> None:
        self.images: dict[int, Held] = {}
        self.sent = 0
        self._open: tuple[dict[str, str], str] | None = None

    def feed(self, text: str) -> None:
        for control, payload in _COMMAND.findall(text):
            keys = dict(part.split("=") for part in control.split(","))
            assert len(payload) <= 4096
            if keys.get("a") == "d":
                assert keys["d"] == "I"
                del self.images[int(keys["i"])]
            elif keys.get("a") != "q":
                self._part(keys, payload)

    def _part(self, keys: dict[str, str], payload: str) -> None:
        assert keys["q"] == "2", "the terminal would answer"
        first, before = (keys, "") if self._open is None else self._open
        assert self._open is None or set(keys) <= {"m", "q"}
        self._open = (first, before + payload)
        if keys.get("m", "0") == "1":
            assert len(payload) % 4 == 0
            return
        self._open = None
        assert {key: first[key] for key in ("a", "U", "f", "o")} == {"a": "T", "U": "1", "f": "24", "o": "z"}
        colours = np.frombuffer(zlib.decompress(base64.b64decode(before + payload)), np.uint8)
        colours = colours.reshape(int(first["v"]), int(first["s"]), 3)
        assert (colours == colours[..., :1]).all()
        self.images[int(first["i"])] = Held(colours[..., 0], int(first["c"]), int(first["r"]))
        self.sent += 1

    def seen(self, lines: Iterable[Iterable[Segment]]) -> dict[int, set[tuple[int, int]]]:
        """The rows and columns of each image's box that are on the screen; all of them images it has."""
        marks = list(map(chr, _marks()))
        found: dict[int, set[tuple[int, int]]] = {}
        for line in lines:
            for text, style, _ in line:
                if PLACEHOLDER in text:
                    assert style is not None
                    assert style.color is not None
                    assert style.color.triplet is not None
                    red, green, blue = style.color.triplet
                    number = red << 16 | green << 8 | blue
                    held = self.images[number]
                    for start in range(0, len(text), 3):
                        assert text[start] == PLACEHOLDER
                        line_of, column = marks.index(text[start + 1]), marks.index(text[start + 2])
                        assert line_of < held.lines
                        assert column < held.columns
                        found.setdefault(number, set()).add((line_of, column))
        return found


def _marks() -> Iterable[int]:
    """The first marks of the protocol's table, which is in the order of their codes."""
    return [
        *(0x305, 0x30D, 0x30E, 0x310, 0x312, 0x33D, 0x33E, 0x33F, 0x346, 0x34A, 0x34B, 0x34C, 0x350, 0x351, 0x352),
        *(0x357, 0x35B, *range(0x363, 0x370), *range(0x483, 0x488), *range(0x592, 0x596), *range(0x597, 0x59A)),
        *(*range(0x59C, 0x5A2), 0x5A8, 0x5A9, 0x5AB, 0x5AC, 0x5AF, 0x5C4, *range(0x610, 0x618), *range(0x657, 0x65C)),
    ]
