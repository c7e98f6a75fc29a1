"""Charts drawn by another process, shown together when they arrive together."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Protocol

from textual.app import App
from textual.timer import Timer

from tui_vae.charts.description import CurveChart
from tui_vae.charts.drawer import DrawnChart, Failure

_SECONDS_TOGETHER = 0.05
"""How long a drawn chart waits for others that were requested with it."""


class ChartDrawer(Protocol):
    """What the interface needs of a :class:`tui_vae.charts.drawer.Drawer`."""

    @property
    def spent(self) -> float:
        """Core seconds that all drawings have used in other processes."""

    def prepare(self) -> None:
        """Get ready for the first chart."""

    def ask(self, key: Hashable, chart: CurveChart, done: Callable[[DrawnChart | Failure], object]) -> None:
        """Draw a chart and call ``done``, in any thread, unless a newer chart of this key has replaced it."""

    def close(self) -> None:
        """Draw no more."""


class ChartQueue:
    """Requests charts from a drawer and shows those that arrive at almost the same time in one update.

    Args:
        app: Its thread receives the charts.
        drawer: Draws them.
    """

    def __init__(self, app: App[Any], drawer: ChartDrawer) -> None:
        self._app = app
        self._drawer = drawer
        self._awaited: set[Hashable] = set()
        self._arrived: list[Callable[[], object]] = []
        self._showing: Timer | None = None

    def ask(self, key: Hashable, chart: CurveChart, done: Callable[[DrawnChart | Failure], object]) -> None:
        """Request a chart; ``done`` is called in the interface's thread."""
        self._awaited.add(key)
        self._drawer.ask(key, chart, lambda outcome: self._app.call_later(self._arrive, key, partial(done, outcome)))

    def _arrive(self, key: Hashable, show: Callable[[], object]) -> None:
        # An update of the screen visits every widget: one for all charts costs half of one for each.
        self._awaited.discard(key)
        self._arrived.append(show)
        if not self._awaited:
            self._show_arrived()
        elif self._showing is None:
            self._showing = self._app.set_timer(_SECONDS_TOGETHER, self._show_arrived)

    def _show_arrived(self) -> None:
        if self._showing is not None:
            self._showing.stop()
            self._showing = None
        arrived, self._arrived = self._arrived, []
        for show in arrived:
            show()
