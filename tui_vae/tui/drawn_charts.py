"""An application whose charts are drawn elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Protocol

from textual.app import App
from textual.timer import Timer

from tui_vae.charts.description import CurveChart
from tui_vae.charts.drawer import DrawnChart, Failure
from tui_vae.tui.screens.dialogs import Leave

_SECONDS_TOGETHER = 0.05
"""For which a chart waits for others that were asked for with it."""


class ChartDrawer(Protocol):
    """What a :class:`tui_vae.charts.drawer.Drawer` is to the interface."""

    @property
    def spent(self) -> float:
        """Seconds of a core that all drawings have taken, beside the interface's thread."""

    def prepare(self) -> None:
        """Get ready for the first chart."""

    def ask(self, key: Hashable, chart: CurveChart, done: Callable[[DrawnChart | Failure], object]) -> None:
        """Have a chart drawn; ``done`` is told in any thread, unless a newer one of this key has overtaken it."""

    def close(self) -> None:
        """Draw no more."""


class DrawnChartsApp(App[Leave]):
    """Has what its widgets want drawn by :attr:`drawer`, and shows together what comes at almost the same time."""

    drawer: ChartDrawer

    def have_charts_drawn(self, drawer: ChartDrawer) -> None:
        """Choose who draws; to be called before the app runs."""
        self.drawer = drawer
        self._awaited: set[Hashable] = set()
        self._arrived: list[Callable[[], object]] = []
        self._showing: Timer | None = None

    def ask_for_chart(self, key: Hashable, chart: CurveChart, done: Callable[[DrawnChart | Failure], object]) -> None:
        """Have a chart drawn; ``done`` is told in the interface's thread."""
        self._awaited.add(key)
        self.drawer.ask(key, chart, lambda outcome: self.call_later(self._arrive, key, partial(done, outcome)))

    def _arrive(self, key: Hashable, show: Callable[[], object]) -> None:
        # An update of the screen looks at every widget: one for all charts of a redraw costs half of one for each.
        self._awaited.discard(key)
        self._arrived.append(show)
        if not self._awaited:
            self._show_arrived()
        elif self._showing is None:
            self._showing = self.set_timer(_SECONDS_TOGETHER, self._show_arrived)

    def _show_arrived(self) -> None:
        if self._showing is not None:
            self._showing.stop()
            self._showing = None
        arrived, self._arrived = self._arrived, []
        for show in arrived:
            show()
