"""Charts of curves as text, in the colours that the terminal has."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tui_vae.charts.curves import curve_chart
from tui_vae.charts.description import SMALLEST, Colour, Face, Row, Span
from tui_vae.charts.drawing import draw
from tui_vae.charts.metric_series import Quantity
from tui_vae.charts.palette import BRIGHT_ANSI, COLOURS, DEEP_ANSI, hex_colour, light_colours
from tui_vae.charts.settings import CurveSettings
from tui_vae.view.state import RunState

_WHITE = (255, 255, 255)
Colours = Mapping[Colour, Colour]
"""Replacements of colours; all others stay."""


def print_curves(
    console: Console,
    quantity: Quantity,
    runs: Sequence[RunState],
    settings: CurveSettings,
    size: tuple[int, int],
) -> bool:
    """Print a chart of one quantity of every model of one run, or of several with the names of their runs.

    Args:
        console: Where to.
        quantity: What is shown.
        runs: Of which runs, at least one.
        settings: How it is shown; the face is that of the console.
        size: Columns and lines that it takes, with what it shows above and what its curves are below.

    Returns:
        Whether there was anything to show.

    Raises:
        PlotextMissing: plotext cannot be imported.
    """
    state, others = (runs[0], ()) if len(runs) == 1 else (RunState(), tuple(runs))
    face = _face(console) if settings.face is not Face.ASCII else Face.ASCII
    columns, rows = size
    build = partial(curve_chart(quantity), state, replace(settings, face=face), columns)
    plot = build(rows, others)
    if plot is None:
        return False
    legend = list(_folded(plot.whole_legend, columns))
    plot = build(max(SMALLEST[1], rows - 1 - len(legend)), others)
    assert plot is not None
    colours = _colours(face)
    for row in (plot.title, *draw(plot.chart), *legend):
        console.print(_text(row, colours, columns), soft_wrap=True)
    return True


def _folded(row: Row, columns: int) -> Iterator[Row]:
    """A row in lines of so many columns, as far as its parts are shorter than that."""
    line: list[Span] = [Span(" ")]
    for span in row:
        if len(line) > 1 and cell_len("".join(part.text for part in line) + span.text.rstrip()) > columns:
            yield tuple(line)
            line = [Span(" ")]
        line.append(span)
    yield tuple(line)


def _face(console: Console) -> Face:
    if console.options.ascii_only:
        return Face.ASCII
    return Face.COLOURS if console.color_system in ("256", "truecolor") and not console.no_color else Face.SHADES


def _colours(face: Face) -> Colours:
    is_light = os.environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")
    if face is Face.COLOURS:
        return dict(light_colours(_WHITE).items()) if is_light else {}
    # Left to itself, a terminal of 16 colours makes one of several.
    return dict(zip(COLOURS, DEEP_ANSI if is_light else BRIGHT_ANSI, strict=True))


def _text(row: Row, colours: Colours, columns: int) -> Text:
    """One line of at most so many columns; trailing blanks are dropped."""
    text = Text(no_wrap=True)
    for part, front, back in row:
        text.append(part, Style(color=_name(front, colours), bgcolor=_name(back, colours)))
    if not any(back for _, _, back in row[-1:]):
        text.rstrip()
    text.truncate(columns, overflow="ellipsis")
    return text


def _name(colour: Colour, colours: Colours) -> str | None:
    shown = colours.get(colour, colour)
    if shown is None:
        return None
    return f"color({shown})" if isinstance(shown, int) else hex_colour(shown)
