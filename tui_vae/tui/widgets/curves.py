"""Converts drawn charts to Textual's strips and Rich's text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from functools import lru_cache

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from tui_vae.charts.description import Colour, Row, Span
from tui_vae.charts.drawer import DrawnChart, Failure
from tui_vae.charts.palette import GREY


def rows_of(outcome: DrawnChart | Failure) -> tuple[Row, ...]:
    """Return the rows of a drawn chart, or blank rows with the reason why it was not drawn."""
    if isinstance(outcome, DrawnChart):
        return outcome.rows
    columns, rows = outcome.chart.columns, outcome.chart.rows
    said = textwrap.wrap(outcome.reason, max(1, columns))[:rows]
    above = (rows - len(said) + 1) // 2
    lines = [""] * above + said + [""] * (rows - above - len(said))
    return tuple((Span(line.center(columns), GREY),) for line in lines)


def strips_of(rows: Iterable[Row]) -> list[Strip]:
    return [
        Strip([Segment(text, _style(front, back)) for text, front, back in row], sum(len(span.text) for span in row))
        for row in rows
    ]


def text_of(row: Iterable[Span]) -> Text:
    """Return one line of text, whose characters may be wide."""
    return Text.assemble(*((text, _style(front, back) or "") for text, front, back in row), no_wrap=True)


@lru_cache(maxsize=1024)
def _style(front: Colour, back: Colour) -> Style | None:
    return None if front is back is None else Style(color=_colour(front), bgcolor=_colour(back))


def _colour(colour: Colour) -> Color | None:
    if colour is None or isinstance(colour, int):
        return None if colour is None else Color.from_ansi(colour)
    return Color.from_rgb(*colour)
