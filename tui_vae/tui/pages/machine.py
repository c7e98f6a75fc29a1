"""The machine page: processor, memory and GPUs over the last minutes, with the share of the watched process."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from rich.color import Color
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.strip import Strip
from textual.widget import Widget

from tui_vae.charts.description import Band, CurveChart, Face, Line, margin_of
from tui_vae.charts.drawer import DrawnChart, Failure
from tui_vae.charts.palette import GREY, OWN_SHARE, REST, faded
from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.widgets.chart_queue import ChartQueue
from tui_vae.tui.widgets.curves import rows_of, text_of
from tui_vae.tui.widgets.scroll_view import LinesView
from tui_vae.view.machine import SECONDS_KEPT, GpuReading, MachineReading, timeline
from tui_vae.view.numbers import UNKNOWN, sparks

_NARROWEST = 30
"""Columns of the narrowest curve: fewer are placed side by side where they would be narrower."""

_GAP = 2
_HIGHEST = 16
_HIGH = 8
"""Height that is enough for a curve: where there is more room, fewer curves are placed side by side."""

_GB = 1e9
_OWN, _REST = (Style(color=Color.from_rgb(*colour)) for colour in (OWN_SHARE, REST))


@dataclass(frozen=True)
class Measured:
    """One curve: its title, its newest values as text, the top of its scale, and where its values come from."""

    title: str
    value: str
    top: float
    top_label: str
    total: Callable[[MachineReading], float | None]
    own_value: str = ""
    own: Callable[[MachineReading], float | None] = lambda reading: None


Rows = list[list[Measured]]
Group = tuple[str | None, list[Measured]]
"""A title, and the measurements of one device."""


class ChartLine(NamedTuple):
    """One row of a chart."""

    chart: CurveChart
    row: int


Parts = list[Text | ChartLine]
"""A line of the page, from left to right."""


def machine_lines(readings: Sequence[MachineReading], width: int, height: int, face: Face) -> list[Parts]:
    """Lay out all curves in ``width`` columns, as high as ``height`` lines allow, or as sparklines."""
    newest = readings[-1]
    groups: list[Group] = [(None, _of_host(newest))]
    groups += [(f"gpu{i} {gpu.name}", _of_gpu(i, gpu)) for i, gpu in enumerate(newest.gpus)]
    rows, high = _arranged(groups, width, height)
    lines: list[Parts] = []
    for title, pieces in rows:
        if title is not None:
            heading = Text(title, style="bold", no_wrap=True)
            heading.truncate(width, overflow="ellipsis")
            lines.append([heading])
        for piece in pieces:
            wide = (width - _GAP * (len(piece) - 1)) // len(piece)
            blocks = [_block(measured, readings, wide, high, face) for measured in piece]
            lines += [_beside_each_other(parts) for parts in zip(*blocks, strict=True)]
    return lines


def _beside_each_other(parts: Iterable[Text | ChartLine]) -> Parts:
    line: Parts = []
    for part in parts:
        line += [Text(" " * _GAP), part] if line else [part]
    return line


def header(reading: MachineReading) -> list[str]:
    """Return the newest reading in few words, the most important first; widths do not depend on the values."""
    parts = [f"cpu {_percent(reading.cpu)}", f"mem {_of(reading.memory_used, reading.memory_total)}"]
    own = [(i, gpu) for i, gpu in enumerate(reading.gpus) if gpu.own_memory]
    shown = own or list(enumerate(reading.gpus))
    if len(shown) > 1:
        known = [gpu.utilisation for _, gpu in shown if gpu.utilisation is not None]
        parts.append(f"{len(shown)} gpus {_percent(sum(known) / len(known) if known else None)}")
    else:
        parts += [f"gpu{i} {_percent(gpu.utilisation)}" for i, gpu in shown]
    return parts


def _of_host(reading: MachineReading) -> list[Measured]:
    where = " of the container" if reading.contained else ""
    cores = f"{reading.cores:g} core{'s' if reading.cores != 1 else ''}"
    total = reading.memory_total
    own_cpu, own_memory = _percent(reading.own_cpu), _gigabytes(reading.own_memory, total)
    return [
        Measured(
            title=f"CPU, {cores}{where}",
            value=_percent(reading.cpu),
            top=1.0,
            top_label="100 %",
            total=lambda r: r.cpu,
            own_value=own_cpu if reading.own_cpu is not None else "",
            own=lambda r: r.own_cpu,
        ),
        Measured(
            title=f"memory{where}",
            value=_of(reading.memory_used, total),
            top=float(total),
            top_label=f"{total / _GB:.0f} GB",
            total=lambda r: r.memory_used,
            own_value=f"{own_memory} GB" if reading.own_memory is not None else "",
            own=lambda r: r.own_memory,
        ),
    ]


def _of_gpu(index: int, gpu: GpuReading) -> list[Measured]:
    def of(value: Callable[[GpuReading], float | None]) -> Callable[[MachineReading], float | None]:
        return lambda reading: value(reading.gpus[index]) if index < len(reading.gpus) else None

    limit = f"/{gpu.power_limit:.0f}" if gpu.power_limit else ""
    most = gpu.power_limit or 1000.0
    total = gpu.memory_total
    return [
        Measured("utilisation", _percent(gpu.utilisation), 1.0, "100 %", of(lambda g: g.utilisation)),
        Measured(
            title="memory",
            value=_of(gpu.memory_used, total),
            top=float(total or 0),
            top_label="" if total is None else f"{total / _GB:.0f} GB",
            total=of(lambda g: g.memory_used),
            own_value=f"{_gigabytes(gpu.own_memory, total)} GB" if gpu.own_memory is not None else "",
            own=of(lambda g: g.own_memory),
        ),
        Measured("power", f"{_whole(gpu.power)}{limit} W", most, f"{most:.0f} W", of(lambda g: g.power)),
        Measured("temperature", f"{_whole(gpu.temperature)} °C", 100.0, "100 °C", of(lambda g: g.temperature)),
    ]


def _arranged(groups: list[Group], width: int, height: int) -> tuple[list[tuple[str | None, Rows]], int]:
    """Return the curves of each group in rows, and the height of each."""
    rows: list[tuple[str | None, Rows]] = []
    high = 0
    for most in (1, 2, 4):
        rows = [(title, _in_rows(measured, min(most, _beside(len(measured), width)))) for title, measured in groups]
        count = sum(len(pieces) for _, pieces in rows)
        titles = sum(title is not None for title, _ in rows)
        high = min(_HIGHEST, (height - titles - count) // count)
        if high >= _HIGH:
            break
    return rows, max(1, high)


def _in_rows(measured: list[Measured], count: int) -> Rows:
    return [measured[start : start + count] for start in range(0, len(measured), count)]


def _beside(count: int, width: int) -> int:
    """Return how many of ``count`` curves are placed side by side: all, half of them, or one."""
    for columns in (count, 2):
        if columns <= count and (width - _GAP * (columns - 1)) // columns >= _NARROWEST:
            return columns
    return 1


def _block(measured: Measured, readings: Sequence[MachineReading], width: int, high: int, face: Face) -> Parts:
    """Return a heading, and a chart below it, or a sparkline if there is only one line."""
    heading = _heading(measured, readings[-1].subject, width, "" if high == 1 else "#" if face is Face.ASCII else "█")
    if high == 1:
        values = timeline(readings, width).means(measured.total)
        return [heading, Text(f"{sparks(values, measured.top, width):>{width}}", style=_REST, no_wrap=True)]
    chart = _chart(measured, readings, width, high, face)
    return [heading, *(ChartLine(chart, row) for row in range(high))]


def _chart(measured: Measured, readings: Sequence[MachineReading], width: int, high: int, face: Face) -> CurveChart:
    """Return the chart of the total, and of the watched process, which is clipped to the total."""
    top = measured.top if measured.top > 0 else 1.0
    ticks = ((0.0, "0"), (top, measured.top_label)) if measured.top_label else ((0.0, "0"),)
    columns = width - margin_of(ticks, width)
    times = timeline(readings, columns)
    total = np.array(times.means(measured.total), dtype=float).clip(0.0, top)
    own = np.minimum(np.array(times.means(measured.own), dtype=float), total)
    x = np.arange(len(total), dtype=np.float64) + (columns - len(total) + 0.5)
    return CurveChart(
        columns=width,
        rows=high,
        x_range=(0.0, float(columns)),
        y_range=(0.0, top),
        y_ticks=ticks,
        bands=(Band(x, np.zeros(len(x)), total, faded(REST)), Band(x, np.zeros(len(x)), own, REST)),
        lines=(Line(x, total, GREY, "."), Line(x, own, OWN_SHARE, "#")),
        axis=GREY,
        face=face,
        has_x_axis=False,
    )


def _heading(measured: Measured, subject: str, width: int, mark: str) -> Text:
    """Return the title on the left; on the right the value, and the share of the process in as many words as fit."""
    own = Text(no_wrap=True)
    for words in (f" {subject} ", " own ", " ") if measured.own_value else ():
        own = Text.assemble((mark, _OWN), f"{words}{measured.own_value}   ", no_wrap=True)
        if len(measured.title) + 2 + own.cell_len + len(measured.value) <= width:
            break
    right = Text.assemble(own, (measured.value, "bold"), no_wrap=True)
    heading = Text(measured.title, no_wrap=True)
    heading.truncate(max(0, width - right.cell_len - 1), overflow="ellipsis")
    heading = Text.assemble(heading, " " * max(1, width - heading.cell_len - right.cell_len), right, no_wrap=True)
    heading.truncate(width, overflow="ellipsis")
    return heading


def _percent(share: float | None) -> str:
    return f"{_whole(None if share is None else 100 * share)} %"


def _whole(value: float | None) -> str:
    return f"{UNKNOWN if value is None or not math.isfinite(value) else f'{value:.0f}':>3}"


def _gigabytes(used: int | None, total: int | None) -> str:
    """Format gigabytes at a width that does not depend on the value."""
    text = UNKNOWN if used is None else f"{used / _GB:.1f}"
    return f"{text:>{len(f'{(total or 0) / _GB:.1f}')}}"


def _of(used: int | None, total: int | None) -> str:
    """Format both in one unit: ``  3.1/25.3 GB``."""
    return f"{_gigabytes(used, total)}/{UNKNOWN if total is None else f'{total / _GB:.1f}'} GB"


_TITLE = "this machine"


class MachineView(LinesView):
    """Shows the curves in a frame that scrolls; drawn only when there is a new reading."""

    def __init__(self, queue: ChartQueue) -> None:
        super().__init__(id="machine-view")
        self._queue = queue
        self._readings: Sequence[MachineReading] = ()
        self._face = Face.COLOURS
        self._shown: tuple[MachineReading | None, Face] | None = None
        self._lines: list[Parts] = []
        self._places: dict[CurveChart, int] = {}
        self._asked: set[CurveChart] = set()
        self._drawn: dict[int, DrawnChart | Failure] = {}

    def show(self, readings: Sequence[MachineReading], face: Face) -> None:
        shown = readings[-1] if readings else None, face
        if shown != self._shown:
            self._readings, self._face, self._shown = readings, face, shown
            self.lay_out()

    def lay_out(self) -> None:
        region = self.scrollable_content_region
        if not self._readings:
            self.caption.say(_TITLE)
            self.say("waiting for the first reading")
            return
        scroll = "   ↑↓ scroll" if self.overflows else ""
        self.caption.say(_TITLE, f"x: last {SECONDS_KEPT / 60:.0f} min{scroll}")
        self._lines = machine_lines(self._readings, max(1, region.width - 2), region.height, self._face)
        charts = dict.fromkeys(part.chart for parts in self._lines for part in parts if isinstance(part, ChartLine))
        self._places = {chart: place for place, chart in enumerate(charts)}
        self._asked.clear()
        self.fill(len(self._lines))

    def strip(self, line: int) -> Strip:
        parts = (part if isinstance(part, Text) else self._row(part) for part in self._lines[line])
        return self.text_strip(Text.assemble(" ", *parts, no_wrap=True))

    def _row(self, line: ChartLine) -> Text:
        """Return a row of a chart, which is requested when it is visible; until then, a row of the one before."""
        chart, place = line.chart, self._places[line.chart]
        if chart not in self._asked:
            self._asked.add(chart)
            self._queue.ask((self, place), chart, partial(self._take, place))
        drawn = self._drawn.get(place)
        if drawn is None or (drawn.chart.columns, drawn.chart.rows) != (chart.columns, chart.rows):
            return Text(" " * chart.columns)
        return text_of(rows_of(drawn)[line.row])

    def _take(self, place: int, outcome: DrawnChart | Failure) -> None:
        self._drawn[place] = outcome
        self.refresh()


class MachinePage(Page):
    def __init__(self, queue: ChartQueue) -> None:
        super().__init__(id="machine")
        self._view = MachineView(queue)

    def compose(self) -> ComposeResult:
        yield self._view

    def panels(self) -> list[Widget]:
        return [self._view]

    def show(self, context: PageContext) -> None:
        self._view.show(context.machine, context.settings.face)
