"""Draws charts where they are asked for, so that a test need not wait for a process."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Hashable

from tui_vae.charts.description import CurveChart, Row
from tui_vae.charts.drawer import Done, DrawnChart
from tui_vae.charts.drawing import draw


@functools.lru_cache(maxsize=1000)
def picture_of(description: bytes) -> tuple[Row, ...]:
    """Draw a pickled chart; many tests show the same recorded run."""
    return draw(pickle.loads(description))


class DrawnAtOnce:
    """Stands in for :class:`tui_vae.charts.drawer.Drawer`."""

    spent = 0.0

    def prepare(self) -> None:
        """Nothing is to be made ready."""

    def ask(self, key: Hashable, chart: CurveChart, done: Done) -> None:
        done(DrawnChart(chart, picture_of(pickle.dumps(chart))))

    def close(self) -> None:
        """Nothing is left."""
