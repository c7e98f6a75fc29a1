"""Draws charts where they are asked for, so that a test need not wait for a process."""

from __future__ import annotations

from collections.abc import Hashable

from tui_vae.charts.description import CurveChart
from tui_vae.charts.drawer import Done, DrawnChart
from tui_vae.charts.drawing import draw


class DrawnAtOnce:
    """Stands in for :class:`tui_vae.charts.drawer.Drawer`."""

    spent = 0.0

    def prepare(self) -> None:
        """Nothing is to be made ready."""

    def ask(self, key: Hashable, chart: CurveChart, done: Done) -> None:
        done(DrawnChart(chart, draw(chart)))

    def close(self) -> None:
        """Nothing is left."""
