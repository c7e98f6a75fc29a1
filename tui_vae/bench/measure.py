"""What ``tui-vae bench`` measures: whole processes of this very program, in turn and repeatedly.

The machine's speed drifts, so that two things are compared in pairs that follow each other, and the ratio of a pair is
what counts.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tui_vae.bench.terminal import Terminal
from tui_vae.errors import TrainingError
from tui_vae.events import Progress, RunStarted
from tui_vae.runs import read_log

COMMAND = (sys.executable, "-m", "tui_vae")
_TIMEOUT = 120.0


@dataclass(frozen=True)
class Measurement:
    """One figure: the median of its repetitions, and their spread."""

    name: str
    unit: str
    median: float
    low: float
    high: float
    repetitions: int

    @classmethod
    def of(cls, name: str, unit: str, values: Sequence[float]) -> Measurement:
        return cls(name, unit, statistics.median(values), min(values), max(values), len(values))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_all(*, repeat: int, epochs: int, report: Callable[[str], None]) -> list[Measurement]:
    """Start-up times, then the rates of both models with the interface against without.

    Args:
        repeat: Repetitions of everything.
        epochs: Epochs of each training.
        report: Told what is being measured.
    """
    return [*_startup(repeat, report), *_interface(repeat, epochs, report)]


def _startup(repeat: int, report: Callable[[str], None]) -> list[Measurement]:
    report("start-up")
    return [
        Measurement.of("tui-vae --help", "s", [_seconds((*COMMAND, "--help")) for _ in range(repeat)]),
        Measurement.of("interface on screen", "s", [_first_paint() for _ in range(repeat)]),
        Measurement.of("first training step drawn", "s", [_first_step() for _ in range(repeat)]),
    ]


def _seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def _first_paint() -> float:
    with tempfile.TemporaryDirectory() as runs:
        terminal = Terminal((*COMMAND, "--runs-dir", runs), columns=80, rows=24)
        try:
            return terminal.wait_for(b"leave", _TIMEOUT)
        finally:
            terminal.close()


def _first_step() -> float:
    with tempfile.TemporaryDirectory() as runs:
        terminal = Terminal((*COMMAND, "--runs-dir", runs), columns=80, rows=24)
        try:
            _drain_until_logged(terminal, Path(runs), b'"progress"', _TIMEOUT)
            return terminal.seconds()
        finally:
            terminal.close()


def _drain_until_logged(terminal: Terminal, runs: Path, text: bytes, timeout: float) -> None:
    """Play the terminal until the log of the only run holds ``text``."""
    while terminal.drain(0.02) and terminal.seconds() < timeout:
        log = next(runs.glob("*/events.jsonl"), None)
        if log is not None and text in log.read_bytes():
            return
    raise TrainingError(f"the training to be measured did not come to {text.decode()}")


def _interface(repeat: int, epochs: int, report: Callable[[str], None]) -> list[Measurement]:
    ratios: dict[str, list[float]] = {}
    rates: dict[str, list[float]] = {}
    for index in range(repeat):
        report(f"interface against headless, pair {index + 1} of {repeat}")
        # In turn, so that a drift of the machine's speed favours neither.
        order = (False, True) if index % 2 == 0 else (True, False)
        measured = {with_interface: _rates(epochs, with_interface=with_interface) for with_interface in order}
        for model, rate in measured[False].items():
            rates.setdefault(model, []).append(rate)
            ratios.setdefault(model, []).append(measured[True][model] / rate)
    return [
        *(Measurement.of(f"{model}: interface at 140x45 / headless", "ratio", v) for model, v in ratios.items()),
        *(Measurement.of(f"{model}: headless", "images/s", v) for model, v in rates.items()),
    ]


def _rates(epochs: int, *, with_interface: bool) -> dict[str, float]:
    """Images a second of each default model while both train, from their own log."""
    with tempfile.TemporaryDirectory() as runs:
        options = ("--runs-dir", runs, "--epochs", str(epochs))
        if with_interface:
            terminal = Terminal((*COMMAND, *options), columns=140, rows=45)
            try:
                _drain_until_logged(terminal, Path(runs), b'"run_finished"', _TIMEOUT * epochs)
            finally:
                terminal.close()
        else:
            subprocess.run((*COMMAND, "--no-ui", "--quiet", *options), check=True, capture_output=True)
        log = next(Path(runs).glob("*/events.jsonl"), None)
        if log is None:
            raise TrainingError("the training to be measured left no run behind")
        return _rates_of(log)


def _rates_of(log: Path) -> dict[str, float]:
    """From the first to the last progress of each model; the first holds the warm-up of the libraries."""
    seen: dict[str, list[Progress]] = {}
    images = 0
    for event in read_log(log):
        if isinstance(event, Progress):
            seen.setdefault(event.model, []).append(event)
        elif isinstance(event, RunStarted):
            images = event.data.train * int(event.config["epochs"])
    return {
        model: images * (events[-1].step - events[0].step) / events[-1].steps / (events[-1].t - events[0].t)
        for model, events in seen.items()
    }
