"""Pictures of charts of curves, and their rows of styled text in the terms of the library."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from tui_vae.charts.description import Colour, CurveChart, Row, Span
from tui_vae.charts.drawing import PlotextMissing, draw
from tui_vae.charts.palette import GREY


def picture(chart: CurveChart) -> tuple[Row, ...]:
    """The rows of a chart: here a description becomes a picture, and nowhere else in the interface."""
    try:
        return draw(chart)
    except PlotextMissing as error:
        said = str(error)[: chart.columns].center(chart.columns)
        blank = (Span(" " * chart.columns),)
        return tuple((Span(said, GREY),) if row == chart.rows // 2 else blank for row in range(chart.rows))


def strips_of(rows: Iterable[Row]) -> list[Strip]:
    return [
        Strip([Segment(text, _style(front, back)) for text, front, back in row], sum(len(span.text) for span in row))
        for row in rows
    ]


def text_of(row: Iterable[Span]) -> Text:
    """One line, in which characters may be wider than a cell."""
    return Text.assemble(*((text, _style(front, back) or "") for text, front, back in row), no_wrap=True)


@lru_cache(maxsize=1024)
def _style(front: Colour, back: Colour) -> Style | None:
    return None if front is back is None else Style(color=_colour(front), bgcolor=_colour(back))


def _colour(colour: Colour) -> Color | None:
    if colour is None or isinstance(colour, int):
        return None if colour is None else Color.from_ansi(colour)
    return Color.from_rgb(*colour)
