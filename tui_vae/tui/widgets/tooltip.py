"""The values of all curves at one x, as lines of text drawn over the chart."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tui_vae.charts.curves import CurvePlot, Points, Reading
from tui_vae.charts.palette import GREY, ModelStyle
from tui_vae.charts.settings import XAxis, place_text
from tui_vae.tui.widgets.models import model_label
from tui_vae.view.decimation import value_at
from tui_vae.view.numbers import UNKNOWN

_HEADINGS = ("train", "raw", "held out")
_SHORT_HEADINGS = ("train", "raw", "held")
_NOUNS: dict[XAxis, str] = {"steps": "step ", "epochs": "epoch ", "time": ""}
_LABEL_WIDTHS = (40, 24, 16, 12, 8, 5, 1)
"""Widths for the names of models, the largest that leaves room for the numbers; at 1 only the marker is shown."""

_LIMIT = Reading("exact limit", ModelStyle(GREY, "─"), None, None, None)

_LEAST = 4
"""Lines of a chart that may always be covered; of a higher chart, half of the lines."""

_Row = tuple[Reading, list[str]]


def read_out(data: CurvePlot, axis: XAxis, place: float, near: float, columns: int, rows: int) -> list[Text]:
    """Return a heading with x, and a line for each model: its newest values at or before that x.

    Args:
        data: The chart.
        axis: What x is.
        place: The value of x.
        near: Values read further before ``place`` than this are shown with their own x.
        columns, rows: The room there is.

    Returns:
        Lines of equal width; the last counts those that do not fit. No lines where nothing would be legible.
    """
    where = place_text(axis, place)
    most = max(rows // 2, min(rows, _LEAST))
    kinds = [i for i in range(3) if any(_kind(reading, i) is not None for reading in data.readings)]
    for exact in (True, False):
        tolerance = near if exact else None
        table = [(r, [_cell(data, r, i, axis, place, tolerance) for i in kinds]) for r in data.readings]
        # Before the models, some of which may not fit; it is for held-out images, whose values are in the last column.
        table[:0] = [
            (_LIMIT, [*("" for _ in kinds[1:]), data.text(limit)]) for limit in (data.limits if most > _LEAST else ())
        ]
        for headings in (_HEADINGS, _SHORT_HEADINGS):
            lines = _table(table, [headings[i] for i in kinds], _NOUNS[axis] + where, columns, least=8)
            if lines:
                return _as_many_as_fit(lines, most)
    while kinds:
        lines = _table(table, [""] * len(kinds), where, columns, least=1)
        if lines:
            return _as_many_as_fit(lines, most)
        kinds.pop()
        table = [row for row in table if row[0] is not _LIMIT]
        where = f"{place_text(axis, place)} …"
    return []


def _kind(reading: Reading, index: int) -> Points | None:
    return (reading.training, reading.raw, reading.held_out)[index]


def _cell(data: CurvePlot, reading: Reading, index: int, axis: XAxis, place: float, near: float | None) -> str:
    points = _kind(reading, index)
    # The x of one step may differ in the last bit between runs.
    found = value_at(*points, place + 1e-9 * abs(place)) if points is not None else None
    if found is None:
        return UNKNOWN
    x, value = found
    return data.text(value) + (f" @{place_text(axis, x)}" if near is not None and place - x > near else "")


def _table(table: Sequence[_Row], headings: Sequence[str], place: str, columns: int, least: int) -> list[Text]:
    """Return the lines, with the widest names that fit; nothing if these would be narrower than ``least``."""
    widths = [max(len(h), *(len(cells[i]) for _, cells in table)) for i, h in enumerate(headings)]
    numbers = sum(2 + width for width in widths)
    for width in _LABEL_WIDTHS:
        labels = [_label(reading, width) for reading, _ in table]
        longest = max(len(place), *(label.cell_len for label in labels))
        if longest + numbers + 2 <= columns and width >= least:
            break
    else:
        return []
    lines = [Text(f" {place:<{longest}}" + "".join(f"  {h:>{w}}" for h, w in zip(headings, widths, strict=True)) + " ")]
    for label, (_, cells) in zip(labels, table, strict=True):
        label.pad_right(longest - label.cell_len)
        numbers_of_row = "".join(f"  {cell:>{w}}" for cell, w in zip(cells[: len(widths)], widths, strict=True))
        lines.append(Text.assemble(" ", label, numbers_of_row, " ", no_wrap=True))
    return lines


def _label(reading: Reading, width: int) -> Text:
    if width > 1:
        return model_label(reading.label, reading.style, width)
    return Text(reading.style.marker, style=reading.style.style)


def _as_many_as_fit(lines: list[Text], rows: int) -> list[Text]:
    if len(lines) <= rows:
        return lines
    if rows < 2:
        return []
    shown = lines[: rows - 1]
    more = Text(f" … {len(lines) - len(shown)} more")
    more.truncate(lines[0].cell_len, overflow="ellipsis", pad=True)
    return [*shown, more]
