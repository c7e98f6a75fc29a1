"""What the interface takes while the default models train, as seen from outside.

The processor time of its thread and of the process that draws charts, and how often the charts on screen change.
"""

from __future__ import annotations

import tempfile
import time

import psutil

from tui_vae.bench.programs import COMMAND, ENDLESS
from tui_vae.bench.result import RATIO, Figures
from tui_vae.bench.terminal import PseudoTerminal

_SECONDS_TO_START = 8.0
_SECONDS_BETWEEN_LOOKS = 0.05
_CHART = (slice(7, 24), slice(0, 68))
"""Rows and columns of the screen within its largest chart."""


def measure_ui_overhead(seconds: float = 40.0) -> Figures:
    """Watch a training for so many seconds after its start."""
    with tempfile.TemporaryDirectory() as runs, PseudoTerminal((*COMMAND, "--runs-dir", runs, *ENDLESS)) as terminal:
        terminal.drain(_SECONDS_TO_START)
        program = psutil.Process(terminal.process.pid)
        charts = next(child for child in program.children() if "tui_vae.charts" in " ".join(child.cmdline()))
        began, interface, drawing = time.perf_counter(), _main_thread_seconds(program), _seconds(charts)
        redraws, chart = 0, _chart(terminal)
        while time.perf_counter() < began + seconds:
            terminal.drain(_SECONDS_BETWEEN_LOOKS)
            redraws, chart = redraws + (_chart(terminal) != chart), _chart(terminal)
        passed = time.perf_counter() - began
        return {
            ("the interface's thread, of one core", RATIO): (_main_thread_seconds(program) - interface) / passed,
            ("the process that draws charts, of one core", RATIO): (_seconds(charts) - drawing) / passed,
            ("the process that draws charts: memory", "MB"): charts.memory_info().rss / 1e6,
            ("the largest chart is redrawn", "times/s"): redraws / passed,
        }


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _main_thread_seconds(process: psutil.Process) -> float:
    main = next(thread for thread in process.threads() if thread.id == process.pid)
    return float(main.user_time + main.system_time)


def _chart(terminal: PseudoTerminal) -> list[str]:
    rows, columns = _CHART
    return [row[columns] for row in terminal.screen.text.split("\n")[rows]]
