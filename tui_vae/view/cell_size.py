"""How large a terminal's cells are, as the system knows it."""

from __future__ import annotations

import fcntl
import struct
import termios
from typing import NamedTuple

_WINSIZE = struct.Struct("HHHH")
"""Rows, columns, and the width and height in pixels, which are 0 where they are not known; see ``ioctl_tty(2)``."""


class CellSize(NamedTuple):
    """Of one cell, in pixels."""

    width: int
    height: int


USUAL = CellSize(10, 20)
"""Those of a VT340, and of terminals that draw its pictures at the size of their own letters."""


def cell_size(descriptor: int) -> CellSize | None:
    """The size of the cells of the terminal that is open there; ``None`` where it is not known.

    A margin around the cells, which some terminals count, is lost in the division unless it has a pixel for each cell.
    """
    try:
        data = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(_WINSIZE.size))
    except OSError:
        return None
    rows, columns, width, height = _WINSIZE.unpack(data)
    size = CellSize(width // max(1, columns), height // max(1, rows))
    return size if min(size) > 0 else None
