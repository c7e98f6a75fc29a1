"""The program, its interface silent every other moment: ``python -m tui_vae.bench.ui_toggle_probe FILE ARGUMENT…``.

Runs ``tui-vae ARGUMENT…`` and leaves in FILE, as JSON, the moments in which the interface drew and those in which it
did nothing, as it does before a terminal that does not read. What differs between them is what drawing costs: nothing
else changes in a process, while two processes that follow each other differ more by what else the machine does.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from operator import sub
from unittest.mock import patch

import psutil

from tui_vae.app.output_capture import StrayOutput
from tui_vae.bench.noting import run_and_note
from tui_vae.bench.ui_overhead import SECONDS_A_MOMENT, Moment
from tui_vae.charts.description import CurveChart
from tui_vae.charts.drawing_process import DrawingProcess
from tui_vae.charts.protocol import Drawn

_A_REDRAW = 8
"""Charts among which is each of a page: the largest of so many newest ones is that of the page."""


class Drawings:
    """What the process that draws charts, whichever it is, has done since this was made.

    Attributes:
        pictures: How often the largest chart was drawn. One of another layout of the page does not count for long.
    """

    def __init__(self) -> None:
        self.pictures = 0
        self._newest = deque[tuple[int, int]](maxlen=_A_REDRAW)
        self._process: psutil.Process | None = None
        draw = DrawingProcess.draw

        def noted(process: DrawingProcess, chart: CurveChart) -> Drawn:
            drawn = draw(process, chart)
            if self._process is None or self._process.pid != process.pid:
                self._process = psutil.Process(process.pid)
            size = chart.columns, chart.rows
            self._newest.append(size)
            self.pictures += size == max(self._newest, key=math.prod)
            return drawn

        patch.object(DrawingProcess, "draw", noted).start()

    def processor(self) -> float:
        """Seconds of a core."""
        return 0.0 if self._process is None else sum(self._process.cpu_times()[:2])

    def memory(self) -> int:
        """Bytes."""
        return 0 if self._process is None else self._process.memory_info().rss


class Alternation(threading.Thread):
    """Has every interface of this process draw and be silent in turn, from its start on."""

    def __init__(self, seconds: float = SECONDS_A_MOMENT) -> None:
        super().__init__(name="alternation", daemon=True)
        self.moments: list[Moment] = []
        self._seconds = seconds
        self._silent = False
        self._drawings = Drawings()
        does_not_read = StrayOutput.stalled

        def stalled(stray: StrayOutput) -> bool:
            return self._silent or does_not_read(stray)

        patch.object(StrayOutput, "stalled", stalled).start()

    def run(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):  # the interface is left
            self._alternate()

    def _alternate(self) -> None:
        interface = time.pthread_getcpuclockid(threading.main_thread().ident or 0)
        while True:
            # Drawn, silent, silent, drawn: a drift of the machine's speed favours neither.
            self._silent = len(self.moments) % 4 in {1, 2}
            began, before = time.time(), self._spent(interface)
            time.sleep(self._seconds)
            processor, drawing, pictures = map(sub, self._spent(interface), before)
            memory = self._drawings.memory()
            moment = Moment(not self._silent, began, time.time(), processor, drawing, int(pictures), memory)
            self.moments.append(moment)

    def _spent(self, interface: int) -> tuple[float, float, float]:
        """Seconds of a core of the interface's thread and of the process that draws, and the latter's pictures."""
        return time.clock_gettime(interface), self._drawings.processor(), self._drawings.pictures


if __name__ == "__main__":
    alternation = Alternation()
    alternation.start()
    run_and_note(lambda: list(map(vars, alternation.moments)))
