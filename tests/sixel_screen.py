"""What a terminal with sixel graphics makes of what it gets: a reading of its own, not that of the package."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Colours = npt.NDArray[np.int64]
UNSET = -1

_SIXELS = re.compile(r"\x1bP(?P<parameters>[\d;]*)q(?P<data>[^\x1b]*)\x1b\\")
_DATA = re.compile(
    r'"(?P<aspect>\d+;\d+);(?P<width>\d+);(?P<height>\d+)|#(?P<colour>\d+)(?:;2;(?P<rgb>\d+;\d+;\d+))?'
    r"|!(?P<count>\d+)(?P<repeated>[?-~])|(?P<sixel>[?-~])|(?P<move>[$-])"
)
_OUTPUT = re.compile(
    rf"(?P<sixels>{_SIXELS.pattern})|\x1b(?P<cursor>[78])|\x1b\[(?P<what>[\d;]*)(?P<control>[A-Za-z])|(?P<text>[^\x1b])"
)


@dataclass
class Drawn:
    """A picture as it is drawn: percents of red, green and blue, :data:`UNSET` where it leaves the screen as it is."""

    pixels: Colours
    declared: tuple[int, int]
    registers: set[int]


def decoded(sequence: str) -> Drawn:
    """The picture of one sixel sequence, of whole bands, ``(height, width, 3)``."""
    whole = _SIXELS.fullmatch(sequence)
    assert whole is not None
    assert whole["parameters"].split(";")[1] == "1", "else pixels that are not drawn would get a background"
    data, place = whole["data"], 0
    colours: dict[int, tuple[int, ...]] = {}
    pixels: dict[tuple[int, int], tuple[int, ...]] = {}
    declared, colour, x, top = (0, 0), 0, 0, 0
    while place < len(data):
        token = _DATA.match(data, place)
        assert token is not None, f"not sixel data: {data[place : place + 20]!r}"
        place = token.end()
        if token["aspect"]:
            assert token["aspect"] == "1;1"
            declared = int(token["height"]), int(token["width"])
        elif token["rgb"]:
            colours[int(token["colour"])] = tuple(map(int, token["rgb"].split(";")))
        elif token["colour"]:
            colour = int(token["colour"])
        elif token["move"]:
            x, top = 0, top + (6 if token["move"] == "-" else 0)
        else:
            code = ord(token["repeated"] or token["sixel"]) - 63
            end = x + int(token["count"] or 1)
            bits = [bit for bit in range(6) if code >> bit & 1]
            pixels |= {(top + bit, column): colours[colour] for bit in bits for column in range(x, end)}
            x = end
    drawn = np.full((max(y for y, _ in pixels) + 1, max(x for _, x in pixels) + 1, 3), UNSET)
    for at, rgb in pixels.items():
        drawn[at] = rgb
    return Drawn(drawn, declared, set(colours))


class SixelScreen:
    """The pixels of a screen, from 0 to 255: those of pictures, and elsewhere the background of the cells."""

    def __init__(self, columns: int, lines: int, cell: tuple[int, int]) -> None:
        self.width, self.height = cell
        self.pixels = np.zeros((lines * self.height, columns * self.width, 3), dtype=np.int64)
        self.text = [[" "] * columns for _ in range(lines)]
        self.pictures = 0
        self._y = self._x = 0
        self._background = (0, 0, 0)
        self._saved = (0, 0, self._background)

    def feed(self, output: str) -> None:
        place = 0
        while place < len(output):
            token = _OUTPUT.match(output, place)
            assert token is not None, f"not understood: {output[place : place + 20]!r}"
            place = token.end()
            if token["sixels"]:
                self._draw(decoded(token["sixels"]))
            elif token["cursor"] == "7":
                self._saved = (self._y, self._x, self._background)
            elif token["cursor"]:
                self._y, self._x, self._background = self._saved
            elif token["control"]:
                self._control(token["control"], [int(part) for part in token["what"].split(";") if part])
            else:
                self._write(token["text"])

    def _control(self, control: str, parameters: list[int]) -> None:
        if control == "H":
            self._y, self._x = parameters[0] - 1, parameters[1] - 1
        elif control == "C":
            self._x = min(self._x + parameters[0], len(self.text[0]) - 1)
        elif control == "m" and parameters == [0]:
            self._background = (0, 0, 0)
        elif control == "m" and 48 in parameters:
            start = len(parameters) - 1 - parameters[::-1].index(48)
            assert parameters[start + 1] == 2
            red, green, blue = parameters[start + 2 : start + 5]
            self._background = (red, green, blue)

    def _write(self, character: str) -> None:
        if character == "\n":
            self._y, self._x = self._y + 1, 0
            return
        assert character != chr(0x10EEEE), "a placeholder, and no picture"
        self.text[self._y][self._x] = character
        top, left = self._y * self.height, self._x * self.width
        self.pixels[top : top + self.height, left : left + self.width] = self._background
        self._x = min(self._x + 1, len(self.text[0]) - 1)  # lines do not wrap

    def _draw(self, picture: Drawn) -> None:
        assert self._y < len(self.text) - 1, "the last line: the screen would scroll"
        assert picture.declared == picture.pixels.shape[:2]
        height, width = picture.declared
        assert height <= self.height, "higher than its line"
        assert width % self.width == 0
        top, left = self._y * self.height, self._x * self.width
        target = self.pixels[top : top + height, left : left + width]
        drawn = picture.pixels != UNSET
        target[drawn] = (picture.pixels[drawn] * 255 + 50) // 100
        self.pictures += 1
        self._y, self._x = self._y + 1, 0  # some leave it there, some elsewhere

    def cells(self, line: int, column: int, columns: int) -> Colours:
        """The pixels of neighbouring cells of a line."""
        top, left = line * self.height, column * self.width
        return self.pixels[top : top + self.height, left : left + columns * self.width]
