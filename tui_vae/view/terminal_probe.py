"""Asks a terminal whether it draws pictures, and separates its answers from typed keys.

Four questions are sent at once: kitty's graphics protocol, the name, the size of a cell, and the device attributes.
Every terminal answers the last one, after the others; attribute 4 stands for sixel graphics.
See primary device attributes, and window operation 16, in https://invisible-island.net/xterm/ctlseqs/ctlseqs.html.
"""

from __future__ import annotations

import fcntl
import re
import struct
import termios
from dataclasses import dataclass
from typing import NamedTuple

_WINSIZE = struct.Struct("HHHH")
"""Rows, columns, and the width and height in pixels, which are 0 where they are not known; see ``ioctl_tty(2)``."""


class CellSize(NamedTuple):
    """The size of one cell in pixels."""

    width: int
    height: int


USUAL = CellSize(10, 20)
"""The cells of a VT340, and of terminals that scale sixel pictures to their own font."""


def cell_size(descriptor: int) -> CellSize | None:
    """Return the size of the cells of the terminal at a descriptor; ``None`` if it is unknown.

    The division removes a margin that some terminals include, unless it is a pixel or more for each cell.
    """
    try:
        data = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(_WINSIZE.size))
    except OSError:
        return None
    rows, columns, width, height = _WINSIZE.unpack(data)
    size = CellSize(width // max(1, columns), height // max(1, rows))
    return size if min(size) > 0 else None


QUESTION = (
    b"\x1b7\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
    b"\x1b8\x1b[K"  # a terminal that knows no such sequence may print it
    b"\x1b[>q\x1b[16t\x1b[c"
)

_ANSWER = re.compile(
    rb"\x1b_G(?P<graphics>[^\x1b]*)\x1b\\|\x1bP>\|(?P<name>[^\x1b]*)\x1b\\"
    rb"|\x1b\[6;(?P<height>\d+);(?P<width>\d+)t|\x1b\[\?(?P<attributes>[\d;]*)c"
)
_BEGINNING = re.compile(rb"\x1b(_(G[^\x1b]*\x1b?)?|P(>(\|[^\x1b]*\x1b?)?)?|\[(6(;\d*(;\d*)?)?|\?[\d;]*)?)?\Z")

_SIXEL_GRAPHICS = b"4"

_NAMED = re.compile(r"(kitty|ghostty)\W+(\d+)\.(\d+)")
_PLACEHOLDERS_SINCE = {"kitty": (0, 28), "ghostty": (1, 0)}
"""First versions of the terminals that draw pictures in place of placeholder characters; others show those."""


class Answers:
    """Collects the answers; ``complete`` once the last has arrived.

    Attributes:
        draws_sixels: Whether the terminal has sixel graphics.
        cell: The size of its cells, if it answers that.
    """

    def __init__(self) -> None:
        self.complete = False
        self.draws_sixels = False
        self.cell: CellSize | None = None
        self._graphics = False
        self._name = ""
        self._held = b""

    @property
    def draws_placeholders(self) -> bool:
        """Whether the terminal draws pictures in place of kitty's placeholder characters."""
        named = _NAMED.match(self._name.lower())
        return self._graphics and named is not None and (int(named[2]), int(named[3])) >= _PLACEHOLDERS_SINCE[named[1]]

    def feed(self, data: bytes) -> bytes:
        """Remove answers from input and return what was typed; an incomplete answer is held back."""
        data = _ANSWER.sub(self._take, self._held + data)
        beginning = None if self.complete else _BEGINNING.search(data)
        self._held = data[beginning.start() :] if beginning is not None else b""
        return data[: len(data) - len(self._held)]

    def release(self) -> bytes:
        """Return what was held back: it is not an answer."""
        held, self._held = self._held, b""
        return held

    def _take(self, answer: re.Match[bytes]) -> bytes:
        if answer["graphics"] is not None:
            self._graphics = answer["graphics"] == b"i=31;OK"
        elif answer["name"] is not None:
            self._name = answer["name"].decode(errors="replace")
        elif answer["height"] is not None:
            size = CellSize(width=int(answer["width"]), height=int(answer["height"]))
            self.cell = size if min(size) > 0 else None
        else:
            self.complete = True
            _, *attributes = answer["attributes"].split(b";")  # the first is the kind of terminal
            self.draws_sixels = _SIXEL_GRAPHICS in attributes
        return b""


@dataclass(frozen=True)
class Graphics:
    """How to draw pictures (``way``): ``blocks``, ``kitty``, ``sixel`` or ``ascii``; and what was typed meanwhile.

    Attributes:
        cell: The size of a cell, if the terminal answered that.
        answers: Whether the terminal is known to answer questions.
        typed: Input that is no answer; it may end with the beginning of one.
    """

    way: str = "blocks"
    cell: CellSize | None = None
    typed: bytes = b""
    answers: bool = False
