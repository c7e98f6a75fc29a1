"""What the interface costs while models train, and how soon it answers a key, as seen from outside.

The cost is the processor time of its thread and of the process that draws charts, and how often charts are redrawn.
A key is answered when what it asks for is drawn on a pseudo-terminal.
"""

from __future__ import annotations

import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tui_vae.bench.log_open import write_log
from tui_vae.bench.programs import COMMAND, ENDLESS
from tui_vae.bench.result import RATIO, Figures
from tui_vae.bench.terminal import PseudoTerminal
from tui_vae.charts.settings import SMOOTHING_WINDOWS
from tui_vae.config import TrainConfig

_SECONDS_TO_START = 8.0
_SECONDS_BETWEEN_LOOKS = 0.05
_CHART = (slice(7, 24), slice(0, 68))
"""Rows and columns of the screen within its largest chart."""

RECORDS = 1_000_000
"""Progress records of the stored run."""

_PAGES = ((b"5", "following"), (b"2", "samples and reconstructions"), (b"1", "nats per image"))
"""Keys of pages, and text that no other page shows."""

_SMOOTHED = (
    *((b"+", f"smoothed {window} ") for window in SMOOTHING_WINDOWS[2:]),
    *((b"-", f"smoothed {window} ") for window in SMOOTHING_WINDOWS[-2:0:-1]),
)
"""Keys that smooth the curves, once they are smoothed a little, and what redrawn charts say then."""

_PAGE_PRESSES, _CHART_PRESSES = 42, 20
_PAUSE = 0.25
"""Seconds between two keys, so that redraws at the interface's own pace fall in between."""

_SECONDS_TO_SETTLE = 8.0


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


def measure_key_latency(folder: Path) -> Figures:
    """Measure the 95th percentile while both models train, and on a stored run, which is kept in ``folder``."""
    run = folder / "run"
    if not run.exists():
        write_run(run, RECORDS)
    with tempfile.TemporaryDirectory() as runs:
        training = answer_times(("--runs-dir", runs, *ENDLESS))
    watching = answer_times(("watch", str(run)))
    return {
        (f"{when}: key to {what}, p95", "ms"): 1e3 * statistics.quantiles(seconds, n=100, method="inclusive")[94]
        for when, measured in (("both models train", training), (f"{RECORDS:,} records", watching))
        for what, seconds in measured.items()
    }


def write_run(directory: Path, records: int) -> None:
    """Write a run of the default models with so many progress records, which nobody trains."""
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(TrainConfig().to_json()), encoding="ascii")
    write_log(directory / "events.jsonl", records)


def answer_times(arguments: Sequence[str]) -> dict[str, list[float]]:
    """Run the interface, and return the seconds from keys to other pages and to redrawn charts."""
    with PseudoTerminal((*COMMAND, *arguments)) as terminal:
        terminal.wait_for("nats per image")
        terminal.drain(_SECONDS_TO_SETTLE)
        pages = [press(terminal, *key) for key in itertools.islice(itertools.cycle(_PAGES), _PAGE_PRESSES)]
        press(terminal, b"+", f"smoothed {SMOOTHING_WINDOWS[1]} ")
        charts = [press(terminal, *key) for key in itertools.islice(itertools.cycle(_SMOOTHED), _CHART_PRESSES)]
        return {"page": pages, "redrawn chart": charts}


def press(terminal: PseudoTerminal, key: bytes, text: str) -> float:
    """Press a key and return the seconds until the screen shows a text that was not there before."""
    assert text not in terminal.screen.text, f"{text} is shown before the key was pressed"
    began = time.perf_counter()
    terminal.press(key)
    terminal.wait_for(text)
    seconds = time.perf_counter() - began
    terminal.drain(_PAUSE)
    return seconds


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _main_thread_seconds(process: psutil.Process) -> float:
    main = next(thread for thread in process.threads() if thread.id == process.pid)
    return float(main.user_time + main.system_time)


def _chart(terminal: PseudoTerminal) -> list[str]:
    rows, columns = _CHART
    return [row[columns] for row in terminal.screen.text.split("\n")[rows]]
