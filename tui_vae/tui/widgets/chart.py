"""A chart, built only when it is visible and its data has changed, with a cursor laid over it.

The drawing process draws curves. Until their picture arrives the previous one stays, unless its size or run differs.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from tui_vae.charts.curves import CurvePlot
from tui_vae.charts.description import SMALLEST, Frame, frame_of
from tui_vae.charts.drawer import DrawnChart, Failure
from tui_vae.charts.metric_series import traces_of, wanted_traces
from tui_vae.tui.widgets.cell_charts import draw_bars, draw_heat
from tui_vae.tui.widgets.chart_data import Builder, ChartData, ChartSettings
from tui_vae.tui.widgets.chart_queue import ChartQueue
from tui_vae.tui.widgets.curves import rows_of, strips_of, text_of
from tui_vae.tui.widgets.scroll_view import StripWidget
from tui_vae.tui.widgets.tooltip import read_out
from tui_vae.view.state import RunState


class Chart(StripWidget):
    """One chart in a frame.

    Args:
        queue: Has curves drawn.
        builder: Decides what is shown.
        waiting: Text while there is nothing to show.
        id: Of the widget.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"chart--cursor", "chart--readout"}

    class Pointed(Message):
        """A value of x was clicked."""

        def __init__(self, chart: Chart, place: float) -> None:
            super().__init__()
            self.chart, self.place = chart, place

    class Zoomed(Message):
        """The wheel was turned at a value of x; up is 1."""

        def __init__(self, place: float, direction: int) -> None:
            super().__init__()
            self.place, self.direction = place, direction

    class Panned(Message):
        """The chart was dragged, or scrolled, by a part of its width."""

        def __init__(self, part: float) -> None:
            super().__init__()
            self.part = part

    def __init__(self, queue: ChartQueue, builder: Builder, waiting: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._queue = queue
        self.data: CurvePlot | ChartData | None = None
        self._shown: CurvePlot | ChartData | None = None
        self._frame: Frame | None = None
        """The area of the curves on screen; ``None`` while there are none."""
        self._sign = ""
        self._builder = builder
        self._waiting = waiting
        self._state = RunState()
        self._others: tuple[RunState, ...] = ()
        self._settings = ChartSettings()
        self._cursor: float | None = None
        self._drawn: object = None
        self._built: list[Strip] = []
        self._built_for = Size(0, 0), ""
        self._dragged_from: int | None = None
        self._was_dragged = False

    def show(
        self,
        state: RunState,
        settings: ChartSettings,
        others: tuple[RunState, ...] = (),
        cursor: float | None = None,
    ) -> None:
        """Show a new state; nothing is drawn unless something changed."""
        shown = (tuple(_revision(run) for run in (state, *others)), settings)
        if shown != self._drawn:
            self._state, self._settings, self._others, self._drawn = state, settings, others, shown
            self._cursor = cursor
            self._build()
        elif cursor != self._cursor:
            self._cursor = cursor
            self._inspect()

    def wait_for(self, waiting: str) -> None:
        """Set the text while there is nothing to show."""
        if waiting != self._waiting:
            self._waiting, self._drawn = waiting, None

    def on_resize(self) -> None:
        if self.room != self._built_for[0]:  # Textual also sends this when it is shown again
            self._build()

    def render_line(self, y: int) -> Strip:
        if self.size != self._built_for[0]:  # the resize event is still to come
            return Strip.blank(self.size.width, self._style)
        return super().render_line(y)

    @property
    def curves(self) -> CurvePlot | None:
        """The chart of curves to show, if it is one."""
        return self.data if isinstance(self.data, CurvePlot) else None

    @property
    def plot(self) -> Frame | None:
        """The area of the curves to show; ``None`` while there are none."""
        return None if self.curves is None or self._is_too_small else frame_of(self.curves.chart)

    @property
    def _is_too_small(self) -> bool:
        return self.room.width < SMALLEST[0] or self.room.height < SMALLEST[1]

    def _build(self) -> None:
        before, size = self._built_for, self.room
        self._built_for = size, self._state.name
        if size != before[0]:
            self.refresh()  # also the rows that come again: until now there were blank ones
        shown = self._state, self._settings, size.width, size.height, self._others
        data = self.data = None if self._is_too_small else self._builder(*shown)
        if data is None:
            self._lay_built(None, _centred(self._nothing(), size, self.app.console))
        elif isinstance(data, CurvePlot):
            if self._built_for != before:
                self._lay_built(self._shown, [])
            self._queue.ask(self, data.chart, partial(self._take, data, self._built_for))
        elif data.bars is not None:
            self._lay_built(data, draw_bars(data, data.bars, size, ascii_only=self._settings.ascii_only))
        elif data.heat is not None:
            shades, ascii_only = self._settings.shades, self._settings.ascii_only
            self._lay_built(data, draw_heat(data, data.heat, size, shades=shades, ascii_only=ascii_only))

    def _take(self, plot: CurvePlot, built_for: tuple[Size, str], outcome: DrawnChart | Failure) -> None:
        """Show a drawn chart, unless the size or the run has changed since."""
        if self.curves is None or built_for != self._built_for or not self.is_attached:
            return
        frame = frame_of(plot.chart) if isinstance(outcome, DrawnChart) else None
        self._lay_built(plot, strips_of(rows_of(outcome)), frame)

    def _lay_built(self, shown: CurvePlot | ChartData | None, built: list[Strip], frame: Frame | None = None) -> None:
        self._shown, self._built, self._frame = shown, built, frame
        self._entitle()
        self._inspect()

    @property
    def sign(self) -> str:
        """The position among several charts, shown in the title."""
        return self._sign

    @sign.setter
    def sign(self, sign: str) -> None:
        if sign != self._sign:
            self._sign = sign
            self._entitle()

    def _entitle(self) -> None:
        title, legend = Text(), None
        if isinstance(self._shown, CurvePlot):
            title, legend = text_of(self._shown.title), text_of(self._shown.legend)
        elif self._shown is not None:
            title, legend = self._shown.title.copy(), self._shown.subtitle
        if self._sign:
            title.append(f"{'·' if title else ''} {self._sign} ")
        self.caption.say(title, legend)

    def _nothing(self) -> str:
        wanted = self._settings.wanted
        traces = traces_of(self._state, self._others, ascii_only=self._settings.ascii_only)
        return f"no model matches {wanted}" if traces and not wanted_traces(traces, wanted) else self._waiting

    def _inspect(self) -> None:
        """Lay the cursor and its readings over the chart."""
        rows = self._built
        plot = self._frame
        if plot is not None and isinstance(self._shown, CurvePlot) and self._cursor is not None:
            cursor, readout = (self.get_component_rich_style(f"chart--{part}") for part in ("cursor", "readout"))
            column = plot.column(self._cursor)
            rows = [
                _with_cursor(strip, plot.left + column, cursor) if column is not None and row < plot.rows else strip
                for row, strip in enumerate(self._built)
            ]
            lines = read_out(self._shown, self._settings.x_axis, self._cursor, plot.step, plot.columns, plot.rows)
            # Away from the cursor, so that what is read can be seen.
            right = column is None or column < plot.columns / 2
            for row, line in enumerate(lines):
                start = plot.left + (plot.columns - line.cell_len if right else 0)
                over = Strip(line.render(self.app.console)).apply_style(readout)
                rows[row] = _laid_over(rows[row], start, over)
        self.lay(rows)

    # The mouse: a click reads, the wheel zooms, dragging and the wheel with shift pan.

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if self._frame is not None:
            self._dragged_from, self._was_dragged = event.screen_x, False
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        plot = self._frame
        if self._dragged_from is None or plot is None or event.screen_x == self._dragged_from:
            return
        self.post_message(self.Panned((self._dragged_from - event.screen_x) / plot.columns))
        self._dragged_from, self._was_dragged = event.screen_x, True

    def on_mouse_up(self, event: events.MouseUp) -> None:
        self.release_mouse()
        pressed, self._dragged_from = self._dragged_from is not None, None
        place = self._place(event)
        if pressed and not self._was_dragged and place is not None:
            self.post_message(self.Pointed(self, place))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        place = self._place(event)
        if place is None:
            return
        event.stop()
        event.prevent_default()
        self.post_message(self.Panned(-0.1 * direction) if event.shift else self.Zoomed(place, direction))

    def _place(self, event: events.MouseEvent) -> float | None:
        """Return the value of x below the pointer."""
        plot = self._frame
        column = event.screen_x - self.content_region.x - (plot.left if plot is not None else 0)
        return plot.x(column) if plot is not None and 0 <= column < plot.columns else None


def _with_cursor(strip: Strip, column: int, style: Style) -> Strip:
    """Return the strip with a vertical line at a column, behind what is drawn there."""
    cell = strip.crop(column, column + 1)
    mark = Strip([Segment("│", style)], 1) if not cell.text.strip(" ─.") else cell.apply_style(style)
    return Strip.join([strip.crop(0, column), mark, strip.crop(column + 1)])


def _laid_over(strip: Strip, start: int, over: Strip) -> Strip:
    return Strip.join([strip.crop(0, start), over, strip.crop(start + over.cell_length)])


def _centred(message: str, size: Size, console: Console) -> list[Strip]:
    """Lay a message in the middle of an area, wrapped between words."""
    lines = Text(message).wrap(console, max(1, size.width))[: size.height]
    above = (size.height - len(lines) + 1) // 2
    rows = [Strip.blank(size.width)] * size.height
    for row, line in enumerate(lines, above):
        line.rstrip()
        line.align("center", size.width)
        rows[row] = Strip([Segment(line.plain, Style(dim=True))])
    return rows


def _revision(state: RunState) -> tuple[object, ...]:
    """Return a value that changes whenever a chart could."""
    return state.name, tuple(
        (m.name, len(m.progress), m.step, len(m.train), len(m.held_out), m.limit is None) for m in state.models.values()
    )
