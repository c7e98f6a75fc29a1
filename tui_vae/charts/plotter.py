"""Strokes drawn by plotext into character cells, and what may reach plotext.

plotext's kernel aborts the process for a coordinate that is not finite, and computes every dot of a line, however far
outside the picture: billions of them where one value is large. Coordinates are therefore fractions of the axis range,
clipped to it. Colours are numbers (inks), so that each cell of the result says what it was drawn for.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tui_vae.errors import one_line
from tui_vae.view.series import FloatArray

_FAR = 1e9
_LEAST = 1e-12
"""Least length of a range relative to its larger end; plotext cannot distinguish closer values."""

_FIRST_OF_OTHER_SCRIPTS = "\u2e80"
"""From here on, Python and plotext disagree on which characters are two cells wide."""

Range = tuple[float, float]


class Path(NamedTuple):
    """Points, and the indices of points that a line connects to the point before."""

    x: list[float]
    y: list[float]
    connected: list[int]


def sound_range(span: Range) -> Range:
    """Return a finite range that is not empty: ``span`` itself where possible."""
    low, high = (float(np.clip(np.nan_to_num(end), -1e307, 1e307)) for end in span)
    least = max(_LEAST * max(abs(low), abs(high)), 1e-300)
    return (low, high) if high - low >= least else (low - least, low + least)


def fractions(values: FloatArray, span: Range) -> FloatArray:
    """Scale values of a sound range to 0 to 1; values that are not finite become NaN."""
    low, high = span
    with np.errstate(all="ignore"):
        parts: FloatArray = np.clip((values - low) / (high - low), -_FAR, _FAR)
    return np.where(np.isfinite(values), parts, np.nan)


def points(x: FloatArray, y: FloatArray) -> Path:
    """Return the points inside the unit square, unconnected."""
    inside = (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
    return Path(x[inside].tolist(), y[inside].tolist(), [])


def path(x: FloatArray, y: FloatArray) -> Path:
    """Clip a line through points to the unit square; it is interrupted at points that are not finite.

    Segments are clipped as by Liang & Barsky (1984), so that the visible part has the right slope.
    """
    finite = np.isfinite(x) & np.isfinite(y)
    pairs = finite[:-1] & finite[1:]
    begin = np.flatnonzero(pairs)
    x0, y0 = x[begin], y[begin]
    dx, dy = x[begin + 1] - x0, y[begin + 1] - y0
    start, end = np.zeros(len(begin)), np.ones(len(begin))
    for origin, length in ((x0, dx), (y0, dy)):
        start, end = _cut(origin, length, start, end)
    kept = start <= end
    whole = kept & (start == 0)
    # A segment that begins where the one before ends shares its point.
    joined = np.zeros(len(begin), dtype=np.bool_)
    joined[1:] = whole[1:] & (kept & (end == 1))[:-1] & (np.diff(begin) == 1)
    ends = np.stack((start, end), axis=1)
    across, up = x0[:, None] + ends * dx[:, None], y0[:, None] + ends * dy[:, None]
    chosen = np.stack((kept & ~joined, kept), axis=1).reshape(-1)
    connected = np.flatnonzero(np.tile([False, True], len(begin))[chosen]).tolist()
    alone = finite.copy()
    alone[1:] &= ~pairs
    alone[:-1] &= ~pairs
    lone = points(x[alone], y[alone])
    return Path(across.reshape(-1)[chosen].tolist() + lone.x, up.reshape(-1)[chosen].tolist() + lone.y, connected)


def _cut(origin: FloatArray, length: FloatArray, start: FloatArray, end: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where lines enter and leave in one direction, as fractions of their length."""
    flat = length == 0
    with np.errstate(all="ignore"):
        first, last = -origin / length, (1 - origin) / length
    outside = flat & ((origin < 0) | (origin > 1))
    enter = np.where(flat, start, np.minimum(first, last))
    leave = np.where(flat, np.where(outside, -1.0, end), np.maximum(first, last))
    return np.maximum(start, enter), np.minimum(end, leave)


def plain_text(text: str, most: int) -> str:
    """Return at most ``most`` characters, each one cell wide; question marks replace others, and an empty text."""
    return "".join(c if _is_one_cell(c) else "?" for c in text[: max(0, most)]) or "?"


def _is_one_cell(character: str) -> bool:
    return (
        character < _FIRST_OF_OTHER_SCRIPTS
        and character.isprintable()
        and not unicodedata.combining(character)
        and unicodedata.category(character) not in ("Mn", "Me", "Cf")
        and unicodedata.east_asian_width(character) not in "WF"
    )


IntArray = npt.NDArray[np.int64]

NO_INK, AXIS_INK = 0, 1
BLANK = ord(" ")
BRAILLE = "braille"
"""The symbol of strokes made of dots, 2 × 4 in a cell."""
MOST_DOTS = 200_000
"""Most cells and dots of all strokes; further strokes are left out. Each dot takes more than a kilobyte of memory."""

_CODES = re.compile(r"((?:\x1b\[[0-9;]*m)+)")
_PLOTTING = threading.Lock()
_UNSEEN = 9.0
"""A coordinate far outside the range from 0 to 1."""


class PlotextMissing(Exception):
    """plotext cannot be imported; the message says how to install it."""


class Stroke(NamedTuple):
    """A line or points, drawn with one character or with the dots of :data:`BRAILLE`."""

    path: Path
    symbol: str
    ink: int


class CellPicture(NamedTuple):
    """Character codes and inks, each ``(rows, columns)``."""

    codes: IntArray
    inks: IntArray


class Labels(NamedTuple):
    """Labels at coordinates from 0 to 1 along an axis, padded to ``width`` cells."""

    places: Sequence[float] = ()
    texts: Sequence[str] = ()
    width: int = 1


def plotted(
    strokes: Iterable[Stroke], columns: int, rows: int, x_labels: Labels | None = None, y_labels: Labels | None = None
) -> CellPicture:
    """Draw strokes into ``columns`` × ``rows`` cells, later ones over earlier ones, with each axis that has labels.

    Raises:
        PlotextMissing: plotext cannot be imported.
    """
    plotext = _plotext()
    with _PLOTTING:  # two threads that use one figure crash the process
        has_axes = x_labels is not None, y_labels is not None
        figure = _figure(plotext, has_axes)
        figure.clear.data()
        figure.plot_size(columns, rows)
        for axis, labels in (("x", x_labels), ("y", y_labels)):
            if labels is not None:
                figure.ruler(axis).ticks(*_ticks(labels))
        left = MOST_DOTS
        for (x, y, connected), symbol, ink in strokes:
            left -= _dots(Path(x, y, connected), 2 * columns, 4 * rows)
            if x and left >= 0:
                signal = figure.signal(x, y, marker=_marker(plotext, symbol, ink))
                for index in connected:
                    signal.line(index)
                # To choose colours, ``draw`` would read every point back, which took half of all time.
                signal._get_unique_pixels = tuple
                figure.draw(signal)
        text = figure.build().string()
    return _read(text, columns, rows)


def _dots(path: Path, across: int, up: int) -> int:
    """Return an upper bound of the dots that plotext computes for a path in ``across`` × ``up`` dots."""
    if not path.connected:
        return len(path.x)
    x, y = np.array(path.x), np.array(path.y)
    to = np.array(path.connected, dtype=np.int64)
    return len(x) + int(np.maximum(np.abs(x[to] - x[to - 1]) * across, np.abs(y[to] - y[to - 1]) * up).sum())


def _plotext() -> Any:
    try:
        import plotext  # noqa: PLC0415 - takes 0.1 s, and only drawing needs it
    except (ImportError, OSError) as error:
        raise PlotextMissing(f"curves need plotext ({one_line(error)}): pip install 'plotext>=6.1,<7'") from error
    return plotext


@lru_cache(maxsize=4)
def _figure(plotext: Any, has_axes: tuple[bool, bool]) -> Any:
    plotext.terminal.limit(False, False)  # else figures are limited to the size of the terminal
    plotext.add_theme("inks", text=_as_colour(AXIS_INK))
    figure = type(plotext.figure)(plotext.terminal)
    figure.theme("inks")
    figure.legend(False)
    figure.axes(False)
    for axis, has_axis in zip("xy", has_axes, strict=True):
        figure.axes(has_axis, axis=axis, side=0)
        figure.ruler(axis).lim(0, 1).alignment(lim="edge")
        if not has_axis:
            figure.ruler(axis).ticks([], [])
    return figure


def _ticks(labels: Labels) -> tuple[list[float], list[str]]:
    texts = [f"{text:>{labels.width}}" for text in labels.texts]
    # A label outside the range is never shown and keeps the margin as wide where there are no others.
    return [*labels.places, _UNSEEN], [*texts, "-" * labels.width]


@lru_cache(maxsize=256)
def _marker(plotext: Any, symbol: str, ink: int) -> Any:
    class SharedMarker(plotext.marker):  # type: ignore[misc]
        """plotext copies the marker for each point; all share this one."""

        def __copy__(self) -> Any:
            return self

    return SharedMarker(symbol, plotext.pixel(_as_colour(ink)))


def _as_colour(ink: int) -> tuple[int, int, int]:
    return 0, ink >> 8, ink & 255


def _read(text: str, columns: int, rows: int) -> CellPicture:
    first, *styled = _CODES.split(text.replace("\n", ""))
    texts = [first, *styled[1::2]]
    inks = np.repeat([NO_INK, *map(_ink, styled[::2])], [len(part) for part in texts])
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4").astype(np.int64)
    return CellPicture(codes.reshape(rows, columns), inks.reshape(rows, columns))


@lru_cache(maxsize=1024)
def _ink(codes: str) -> int:
    """Return the ink that the last of some colour codes stands for."""
    last = codes.rpartition("\x1b[")[2][:-1].split(";")
    return int(last[3]) << 8 | int(last[4]) if last[:2] == ["38", "2"] else NO_INK
