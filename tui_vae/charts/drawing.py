"""Draws a chart with plotext, as rows of styled text.

A cell of plotext has a single colour, so two pictures are laid over each other: the ground with axes, grid and bands,
and the curves. Where a curve crosses a band, the cell keeps the band as its background.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from tui_vae.charts.description import (
    LONGEST_LABEL,
    SMALLEST,
    Colour,
    CurveChart,
    Face,
    Frame,
    Row,
    Span,
    Tick,
    frame_of,
)
from tui_vae.charts.plotter import (
    BLANK,
    BRAILLE,
    NO_INK,
    CellPicture,
    IntArray,
    Labels,
    Path,
    PlotextMissing,
    Stroke,
    fractions,
    path,
    plain_text,
    plotted,
    points,
    sound_range,
)
from tui_vae.view.series import FloatArray

__all__ = ["PlotextMissing", "draw"]

BoolArray = npt.NDArray[np.bool_]

MOST_CELLS = 300_000
"""Most cells of a picture that is drawn; no screen is as large."""
_TIMES_ITS_LABEL = 2.5
"""Least width of a chart relative to the label of a limit that it shows."""
_FULL = ord("█")
_UPPER_HALF, _LOWER_HALF = ord("▀"), ord("▄")


def draw(chart: CurveChart) -> tuple[Row, ...]:
    """Draw exactly ``rows`` rows of exactly ``columns`` cells; blank if that is too small for a chart.

    Raises:
        PlotextMissing: plotext cannot be imported.
    """
    columns, rows = max(0, chart.columns), max(0, chart.rows)
    least = SMALLEST[1] if chart.has_x_axis else 1
    if columns < SMALLEST[0] or rows < least or columns * rows > MOST_CELLS:
        return ((Span(" " * columns),),) * rows
    frame = frame_of(chart)
    axes = _Axes(sound_range(chart.x_range), sound_range(chart.y_range))
    inks = _Inks(chart.axis)
    x_labels = _labels(chart.x_ticks, axes.x([place for place, _ in chart.x_ticks]), 1)
    y_labels = _labels(chart.y_ticks, axes.y([place for place, _ in chart.y_ticks]), frame.left - 1)
    ground = plotted(
        [*_grid(chart, axes, inks), *_bands(chart, frame, axes, inks)],
        columns,
        rows,
        x_labels if chart.has_x_axis else None,
        y_labels,
    )
    curves = plotted(
        [*_limits(chart, axes, inks), *_lines(chart, axes, inks), *_marks(chart, frame, axes, inks)],
        frame.columns,
        frame.rows,
    )
    picture, backs = _laid_over(ground, curves, frame)
    is_band = np.isin(ground.inks, [inks.number(band.colour) for band in chart.bands])[: frame.rows, frame.left :]
    _write_labels(picture, curves.codes != BLANK, is_band, chart, frame, axes, inks)
    return tuple(_rows(picture, backs, inks.colours))


# Strokes


class _Inks:
    """Numbers the colours of a chart."""

    def __init__(self, axis: Colour) -> None:
        self.colours: list[Colour] = [None, axis]  # as NO_INK and AXIS_INK say

    def number(self, colour: Colour) -> int:
        if colour not in self.colours:
            self.colours.append(colour)
        return self.colours.index(colour)


class _Axes(NamedTuple):
    """The sound ranges of a chart; scales values to fractions of them."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, values: FloatArray | Sequence[float]) -> FloatArray:
        return fractions(np.asarray(values, dtype=float), self.x_range)

    def y(self, values: FloatArray | Sequence[float]) -> FloatArray:
        return fractions(np.asarray(values, dtype=float), self.y_range)


def _labels(ticks: Sequence[Tick], places: FloatArray, width: int) -> Labels:
    texts = [plain_text(label, LONGEST_LABEL).strip() for _, label in ticks]
    shown = [(place, text) for place, text in zip(places.tolist(), texts, strict=True) if 0 <= place <= 1 and text]
    return Labels([place for place, _ in shown], [text for _, text in shown], width)


def _grid(chart: CurveChart, axes: _Axes, inks: _Inks) -> Iterator[Stroke]:
    if chart.face is not Face.ASCII:  # its faintest line is as strong as a band
        inside = [place for place in axes.y([place for place, _ in chart.y_ticks]).tolist() if 0 < place < 1]
        x, y = [0.0, 1.0] * len(inside), np.repeat(inside, 2).tolist()
        yield Stroke(Path(x, y, list(range(1, len(x), 2))), "─", inks.number(chart.grid))


def _bands(chart: CurveChart, frame: Frame, axes: _Axes, inks: _Inks) -> Iterator[Stroke]:
    """Fill each column from the least to the greatest value; with colours, to half a cell."""
    whole = {Face.COLOURS: "█", Face.SHADES: "░", Face.ASCII: "."}[chart.face]
    centres = (np.arange(frame.columns) + 0.5) / frame.columns
    for band in chart.bands:
        places, ink = axes.x(band.x), inks.number(band.colour)
        if not len(places) or not (np.diff(places) >= 0).all():
            continue
        inside = centres[np.abs(centres - centres.clip(places[0], places[-1])) < 0.75 / frame.columns]
        low, high = (np.interp(inside, places, axes.y(y)) for y in (band.low, band.high))
        seen = (high >= 0) & (low <= 1) & (low <= high)
        x, halves = inside[seen], 2 * frame.rows
        first, last = ((end[seen] * halves).clip(0, halves - 1).astype(np.int64) for end in (low, high))
        begin, end = first // 2, last // 2
        if chart.face is Face.COLOURS:
            upper, lower = first % 2 == 1, last % 2 == 0
            yield Stroke(points(x[upper], (begin[upper] + 0.5) / frame.rows), "▀", ink)
            yield Stroke(points(x[lower], (end[lower] + 0.5) / frame.rows), "▄", ink)
            begin, end = begin + upper, end - lower
        yield Stroke(_upright(x, begin, end, frame.rows), whole, ink)


def _upright(x: FloatArray, first: IntArray, last: IntArray, rows: int) -> Path:
    """Return vertical lines from cell to cell; none where the first lies above the last."""
    kept = first <= last
    ends = (np.stack((first, last, first), axis=1)[kept] + 0.5) / rows
    ends[:, 2] = np.nan  # lines of neighbours are not joined
    return path(np.repeat(x[kept], 3), ends.reshape(-1))


def _limits(chart: CurveChart, axes: _Axes, inks: _Inks) -> Iterator[Stroke]:
    symbol = "-" if chart.face is Face.ASCII else BRAILLE
    for limit in chart.limits:
        y = axes.y([limit.y, limit.y])
        if 0 <= y[0] <= 1:
            yield Stroke(path(np.array([0.0, 1.0]), y), symbol, inks.number(limit.colour))


def _lines(chart: CurveChart, axes: _Axes, inks: _Inks) -> Iterator[Stroke]:
    for line in chart.lines:
        symbol = plain_text(line.symbol, 1) if chart.face is Face.ASCII else BRAILLE
        yield Stroke(path(axes.x(line.x), axes.y(line.y)), symbol, inks.number(line.colour))


def _marks(chart: CurveChart, frame: Frame, axes: _Axes, inks: _Inks) -> Iterator[Stroke]:
    for marks in chart.marks:
        if marks.exact:
            yield Stroke(
                _dots(points(axes.x(marks.x[:-1]), axes.y(marks.y[:-1])), frame), BRAILLE, inks.number(marks.colour)
            )
    for marks in chart.marks:
        last = np.s_[-1:] if marks.exact else np.s_[:]
        at = points(axes.x(marks.x[last]), axes.y(marks.y[last]))
        yield Stroke(at, plain_text(marks.symbol, 1), inks.number(marks.colour))


def _dots(places: Path, frame: Frame) -> Path:
    """Return a block of 2 × 3 dots around each point, as far as they are inside."""
    across, up = np.meshgrid(np.array([-0.5, 0.5]) / (2 * frame.columns), np.array([-1, 0, 1]) / (4 * frame.rows))
    x, y = (np.add.outer(np.array(at), by.reshape(-1)).reshape(-1) for at, by in ((places.x, across), (places.y, up)))
    return points(x, y)


# Layers and labels


def _write_labels(
    picture: CellPicture,
    is_taken: BoolArray,
    is_band: BoolArray,
    chart: CurveChart,
    frame: Frame,
    axes: _Axes,
    inks: _Inks,
) -> None:
    """Write the labels of limits next to their lines, in as many words as fit."""
    for limit in chart.limits:
        words = plain_text(limit.label, 2 * LONGEST_LABEL).split()
        height = float(axes.y([limit.y])[0])
        for text in (" ".join(words[first:]) for first in range(len(words))):
            place = _place_of_label(len(text), height, is_taken, is_band)
            if place is not None:
                row, start = place
                is_taken[row, start : start + len(text)] = True
                cells = np.s_[row, frame.left + start : frame.left + start + len(text)]
                picture.codes[cells] = [ord(character) for character in text]
                picture.inks[cells] = inks.number(limit.colour)
                break


def _place_of_label(length: int, height: float, is_taken: BoolArray, is_band: BoolArray) -> tuple[int, int] | None:
    """Return row and first column of a label next to a height, where it covers no curve and least of bands.

    ``None`` if there is no such place.
    """
    rows, columns = is_taken.shape
    room = length + 2
    if not 0 <= height <= 1 or columns < _TIMES_ITS_LABEL * room:
        return None
    line = min(int((1 - height) * rows), rows - 1)
    places = []
    for row in {max(line - 1, 0), min(line + 1, rows - 1)} - {line}:
        taken, band = (sliding_window_view(cells[row], room) for cells in (is_taken, is_band))
        covered = np.where(taken.any(axis=1), columns, band.sum(axis=1))
        places.append((int(covered.min()), row, int(covered.argmin()) + 1))
    least, row, start = min(places, default=(columns, 0, 0))
    return (row, start) if least < columns else None


def _laid_over(ground: CellPicture, curves: CellPicture, frame: Frame) -> tuple[CellPicture, IntArray]:
    """Lay the curves over the ground; return that and the ink behind each cell."""
    codes, fronts = ground.codes.copy(), ground.inks.copy()
    backs = np.where(codes == _FULL, fronts, NO_INK)
    codes[backs > 0], fronts[backs > 0] = BLANK, NO_INK
    covered = (codes == _UPPER_HALF) | (codes == _LOWER_HALF)
    place = np.s_[: frame.rows, frame.left : frame.left + frame.columns]
    drawn = curves.codes != BLANK
    backs[place] = np.where(drawn & covered[place], fronts[place], backs[place])
    codes[place] = np.where(drawn, curves.codes, codes[place])
    fronts[place] = np.where(drawn, curves.inks, fronts[place])
    return CellPicture(codes, fronts), backs


def _rows(picture: CellPicture, backs: IntArray, colours: Sequence[Colour]) -> Iterable[Row]:
    """Join neighbouring cells of one style."""
    changes = (np.diff(picture.inks, axis=1) != 0) | (np.diff(backs, axis=1) != 0)
    for line, front, back, change in zip(picture.codes, picture.inks.tolist(), backs.tolist(), changes, strict=True):
        text = line.astype("<u4").tobytes().decode("utf-32-le")
        edges = [0, *(np.flatnonzero(change) + 1).tolist(), len(text)]
        yield tuple(Span(text[a:b], colours[front[a]], colours[back[a]]) for a, b in pairwise(edges))
