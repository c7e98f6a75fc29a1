"""A drawer under test, and waiting for what happens to its process."""

from __future__ import annotations

import os
import queue
import sys
import time
from collections.abc import Callable

from tests.unit.charts.scripted_process import ScriptedChart
from tui_vae.charts.drawer import Drawer, DrawnChart, Failure

PATIENCE = 60.0
SCRIPTED = (sys.executable, "-P", "-m", "tests.unit.charts.scripted_process")


class Watched:
    """A drawer of scripted charts, their outcomes, and the warnings."""

    def __init__(self, command: tuple[str, ...] = SCRIPTED) -> None:
        self.warnings: list[str] = []
        self.outcomes = queue.SimpleQueue[DrawnChart | Failure]()
        self.drawer = Drawer(self.warnings.append, command)

    def ask(self, chart: ScriptedChart, key: str = "") -> None:
        self.drawer.ask(key, chart, self.outcomes.put)

    def next(self) -> DrawnChart | Failure:
        return self.outcomes.get(timeout=PATIENCE)

    def drawn(self, chart: ScriptedChart, key: str = "") -> DrawnChart | Failure:
        self.ask(chart, key)
        return self.next()

    @property
    def pid(self) -> int:
        assert self.drawer._process is not None
        return self.drawer._process.pid


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def exists(pid: int) -> bool:
    """Whether there is such a process, be it one that has ended and was not waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
