"""A chart drawn by plotext, as rows of styled text.

Two pictures are laid over each other, for a cell of plotext has one colour alone: the ground with axes, grid and bands,
and the curves. Where a curve crosses a band, the cell keeps the band as its background.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tui_vae.charts.description import Colour, CurveChart, Face, Row, Span, Tick
from tui_vae.charts.guard import Path, fractions, path, plain_text, points, sound_range
from tui_vae.errors import one_line
from tui_vae.view.series import FloatArray

SMALLEST = (8, 4)
"""Columns and rows below which nothing is drawn."""
MOST_CELLS = 300_000
"""Beyond which nothing is drawn; no screen is as large."""

_SHORTEST_LABEL = 4
"""Cells kept for labels of y, so that the axis seldom moves when they change."""
_LONGEST_LABEL = 16

_BLANK = ord(" ")
_FULL = ord("█")
_COVER = {
    "▘": 1,
    "▝": 1,
    "▖": 1,
    "▗": 1,
    "▀": 2,
    "▄": 2,
    "▌": 2,
    "▐": 2,
    "▚": 2,
    "▞": 2,
    "▛": 3,
    "▜": 3,
    "▙": 3,
    "▟": 3,
}
"""Quarters of a cell."""
_CODES = re.compile(r"((?:\x1b\[[0-9;]*m)+)")

IntArray = npt.NDArray[np.int64]


class PlotextMissing(Exception):
    """plotext cannot be imported; the text says how to install it."""


class Frame(NamedTuple):
    """Where curves lie in their picture: ``columns`` × ``rows`` cells, ``left`` of them before it; its range of x."""

    left: int
    columns: int
    rows: int
    x_range: tuple[float, float]

    def column(self, x: float) -> int | None:
        """The column of a value of x, ``None`` outside the range."""
        low, high = self.x_range
        if not low <= x <= high or high <= low:
            return None
        return min(int((x - low) / (high - low) * self.columns), self.columns - 1)

    def x(self, column: float) -> float:
        """The value of x in the middle of a column, that of the nearest edge outside."""
        low, high = self.x_range
        return low + (high - low) * min(max((column + 0.5) / self.columns, 0.0), 1.0)

    @property
    def step(self) -> float:
        """How far the middles of two columns lie apart."""
        return (self.x_range[1] - self.x_range[0]) / self.columns


def frame_of(chart: CurveChart) -> Frame:
    margin = max([_SHORTEST_LABEL, *(len(label) for _, label in chart.y_ticks)])
    margin = min(margin, _LONGEST_LABEL, max(1, chart.columns // 2))
    return Frame(margin + 1, max(1, chart.columns - margin - 1), max(1, chart.rows - 2), chart.x_range)


def draw(chart: CurveChart) -> tuple[Row, ...]:
    """Exactly ``rows`` rows, each of exactly ``columns`` cells; blank where that is too small for a chart.

    Raises:
        PlotextMissing: plotext cannot be imported.
    """
    columns, rows = max(0, chart.columns), max(0, chart.rows)
    if columns < SMALLEST[0] or rows < SMALLEST[1] or columns * rows > MOST_CELLS:
        return ((Span(" " * columns),),) * rows
    _plotext()
    frame = frame_of(chart)
    axes = _Axes(sound_range(chart.x_range), sound_range(chart.y_range))
    inks = _Inks(chart.axis)
    with _DRAWING:  # plotext ends the process where two threads use a figure
        ground = _ground(chart, frame, axes, inks)
        curves = _curves(chart, frame, axes, inks)
    return tuple(_rows(ground, curves, frame, inks))


# What plotext is told


class _Inks:
    """Numbers for colours, which plotext is given in their place: 0 for that of plain text, 1 for that of the axes."""

    def __init__(self, axis: Colour) -> None:
        self.colours: list[Colour] = [None, axis]

    def number(self, colour: Colour) -> int:
        if colour not in self.colours:
            self.colours.append(colour)
        return self.colours.index(colour)


class _Stroke(NamedTuple):
    path: Path
    symbol: str
    ink: int


class _Axes(NamedTuple):
    """The ranges of a chart, made sound; places become parts of them."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, values: FloatArray) -> FloatArray:
        return fractions(values, self.x_range)

    def y(self, values: FloatArray) -> FloatArray:
        return fractions(values, self.y_range)


_DRAWING = threading.Lock()


@lru_cache(maxsize=1)
def _figure() -> Any:
    plotext = _plotext()
    plotext.terminal.limit(False, False)  # else nothing is larger than the terminal
    plotext.add_theme("inks", text=(0, 0, 1))
    figure = type(plotext.figure)(plotext.terminal)
    figure.theme("inks")
    figure.legend(False)
    for axis in ("x", "y"):
        figure.ruler(axis).lim(0, 1).alignment(lim="edge")
    return figure


def _plotext() -> Any:
    try:
        import plotext  # noqa: PLC0415 - a tenth of a second, where something is drawn
    except (ImportError, OSError) as error:
        raise PlotextMissing(f"curves need plotext ({one_line(error)}): pip install 'plotext>=6.1,<7'") from error
    return plotext


@lru_cache(maxsize=256)
def _marker(symbol: str, ink: int) -> Any:
    plotext = _plotext()
    return plotext.marker(symbol, plotext.pixel((0, ink >> 8, ink & 255)))


def _ground(chart: CurveChart, frame: Frame, axes: _Axes, inks: _Inks) -> _Picture:
    figure = _figure()
    figure.axes(True, side=0)
    figure.axes(False, side=1)
    _set_ticks(figure.ruler("x"), axes.x, chart.x_ticks, 1)
    _set_ticks(figure.ruler("y"), axes.y, chart.y_ticks, frame.left - 1)
    strokes = [*_grid(chart, axes, inks), *_bands(chart, axes, inks)]
    return _picture(figure, chart.columns, chart.rows, strokes)


def _set_ticks(ruler: Any, place: Callable[[FloatArray], FloatArray], ticks: Sequence[Tick], width: int) -> None:
    places = place(np.array([at for at, _ in ticks], dtype=float)).tolist()
    texts = [plain_text(label, _LONGEST_LABEL).strip() for _, label in ticks]
    shown = [(at, f"{text:>{width}}") for at, text in zip(places, texts, strict=True) if 0 <= at <= 1 and text]
    shown.append((9.0, "-" * width))  # never seen; it keeps the room of labels as wide where there are none
    ruler.ticks(*map(list, zip(*shown, strict=True)))


def _grid(chart: CurveChart, axes: _Axes, inks: _Inks) -> Iterator[_Stroke]:
    symbol = "." if chart.face is Face.ASCII else "─"
    for place in axes.y(np.array([at for at, _ in chart.y_ticks], dtype=float)).tolist():
        if 0 < place < 1:
            yield _Stroke(Path([0.0, 1.0], [place, place], [1]), symbol, inks.number(chart.grid))


def _bands(chart: CurveChart, axes: _Axes, inks: _Inks) -> Iterator[_Stroke]:
    symbol = {Face.COLOURS: "hd", Face.SHADES: "░", Face.ASCII: ":"}[chart.face]
    for band in chart.bands:
        x, low, high = axes.x(band.x), axes.y(band.low), axes.y(band.high)
        seen = (x >= 0) & (x <= 1) & (high >= 0) & (low <= 1)
        edges = np.clip(np.stack((low, high), axis=1), 0, 1)
        edges[1::2] = edges[1::2, ::-1]  # down, up, down: one line through all
        edges[~seen] = np.nan
        yield _Stroke(path(np.repeat(x, 2), edges.reshape(-1)), symbol, inks.number(band.colour))


def _curves(chart: CurveChart, frame: Frame, axes: _Axes, inks: _Inks) -> _Picture:
    figure = _figure()
    figure.axes(False)
    for axis in ("x", "y"):
        figure.ruler(axis).ticks([])
    strokes = [*_limits(chart, axes, inks), *_lines(chart, axes, inks), *_marks(chart, axes, inks)]
    return _picture(figure, frame.columns, frame.rows, strokes)


def _limits(chart: CurveChart, axes: _Axes, inks: _Inks) -> Iterator[_Stroke]:
    symbol = "-" if chart.face is Face.ASCII else "braille"
    for limit in chart.limits:
        y = axes.y(np.full(2, limit.y))
        if 0 <= y[0] <= 1:
            yield _Stroke(path(np.array([0.0, 1.0]), y), symbol, inks.number(limit.colour))


def _lines(chart: CurveChart, axes: _Axes, inks: _Inks) -> Iterator[_Stroke]:
    for line in chart.lines:
        symbol = plain_text(line.symbol, 1) if chart.face is Face.ASCII else "braille"
        yield _Stroke(path(axes.x(line.x), axes.y(line.y)), symbol, inks.number(line.colour))


def _marks(chart: CurveChart, axes: _Axes, inks: _Inks) -> Iterator[_Stroke]:
    for marks in chart.marks:
        at = points(axes.x(marks.x), axes.y(marks.y))
        yield _Stroke(at, plain_text(marks.symbol, 1), inks.number(marks.colour))


# What plotext gives


class _Picture(NamedTuple):
    """Characters and inks ``(rows, columns)``."""

    codes: IntArray
    inks: IntArray


def _picture(figure: Any, columns: int, rows: int, strokes: Iterable[_Stroke]) -> _Picture:
    figure.clear.data()
    figure.plot_size(columns, rows)
    for (x, y, connected), symbol, ink in strokes:
        if not x:
            continue
        signal = figure.signal(x, y, marker=_marker(symbol, ink))
        for index in connected:
            signal.line(index)
        figure.draw(signal)
    text, *styled = _CODES.split(figure.build().string().replace("\n", ""))
    texts = [text, *styled[1::2]]
    lengths = [len(part) for part in texts]
    inks = np.repeat([0, *map(_ink, styled[::2])], lengths)
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4").astype(np.int64)
    return _Picture(codes.reshape(rows, columns), inks.reshape(rows, columns))


@lru_cache(maxsize=1024)
def _ink(codes: str) -> int:
    """The ink of the last of some codes."""
    last = codes.rpartition("\x1b[")[2][:-1].split(";")
    return int(last[3]) << 8 | int(last[4]) if last[:2] == ["38", "2"] else 0


def _rows(ground: _Picture, curves: _Picture, frame: Frame, inks: _Inks) -> Iterator[Row]:
    """The curves over the ground."""
    codes, fronts = ground.codes.copy(), ground.inks.copy()
    backs = np.where(codes == _FULL, fronts, 0)
    codes[backs > 0], fronts[backs > 0] = _BLANK, 0
    cover = np.isin(codes, [ord(c) for c, quarters in _COVER.items() if quarters > 1])
    place = np.s_[: frame.rows, frame.left : frame.left + frame.columns]
    drawn = curves.codes != _BLANK
    backs[place] = np.where(drawn & cover[place], fronts[place], backs[place])
    codes[place] = np.where(drawn, curves.codes, codes[place])
    fronts[place] = np.where(drawn, curves.inks, fronts[place])
    changes = (np.diff(fronts, axis=1) != 0) | (np.diff(backs, axis=1) != 0)
    for row, (line, front, back) in enumerate(zip(codes, fronts.tolist(), backs.tolist(), strict=True)):
        text = line.astype("<u4").tobytes().decode("utf-32-le")
        edges = [0, *(np.flatnonzero(changes[row]) + 1).tolist(), len(text)]
        yield tuple(Span(text[a:b], inks.colours[front[a]], inks.colours[back[a]]) for a, b in pairwise(edges))
