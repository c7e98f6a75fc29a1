"""An application whose charts are drawn elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from textual.app import App

from tui_vae.charts.description import CurveChart
from tui_vae.charts.drawer import Failure, Picture
from tui_vae.tui.screens.leave import Leave


class ChartDrawer(Protocol):
    """What a :class:`tui_vae.charts.drawer.Drawer` is to the interface."""

    @property
    def spent(self) -> float:
        """Seconds of a core that all drawings have taken, beside the interface's thread."""

    def prepare(self) -> None:
        """Get ready for the first chart."""

    def ask(self, key: Hashable, chart: CurveChart, done: Callable[[Picture | Failure], object]) -> None:
        """Have a chart drawn; ``done`` is told in any thread, unless a newer one of this key has overtaken it."""

    def close(self) -> None:
        """Draw no more."""


class DrawnChartsApp(App[Leave]):
    """Has what its widgets want to be drawn by :attr:`drawer`."""

    drawer: ChartDrawer

    def ask_for_chart(self, key: Hashable, chart: CurveChart, done: Callable[[Picture | Failure], object]) -> None:
        """Have a chart drawn; ``done`` is told in the interface's thread."""
        self.drawer.ask(key, chart, lambda outcome: self.call_later(done, outcome))
