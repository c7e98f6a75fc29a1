"""``tui-vae bench``: measure this machine, and print what was found."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
import tempfile

from tui_vae.app.signals import StopSignals, interrupted_by
from tui_vae.bench import RATIO, measure_all, measure_growth
from tui_vae.errors import RunStoreError
from tui_vae.headless.tables import print_measurements
from tui_vae.resource_limits import cores


def bench(*, repeat: int, epochs: int, growth: bool, as_json: bool, signals: StopSignals) -> None:
    """Measure and print.

    Args:
        repeat: Repetitions of everything.
        epochs: Of each training that is measured.
        growth: Whether to measure how cost grows with the size of the work, and nothing else.
        as_json: As one JSON object.
        signals: End the measurement.

    Raises:
        RunStoreError: There is no folder for what is trained.
    """

    def report(text: str) -> None:
        sys.stderr.write(f"measuring: {text}\n")

    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise RunStoreError("bench trains in a temporary folder, and none is writable: set TMPDIR to one") from error
    with interrupted_by(signals):
        if growth:
            parts = measure_growth(repeat=repeat, report=report)
        else:
            parts = measure_all(repeat=repeat, epochs=epochs, report=report)
    torch = importlib.metadata.version("torch")
    machine = f"{platform.machine()}, {cores()} cores, Python {platform.python_version()}, torch {torch}"
    if as_json:
        measurements = [measurement for part in parts for measurement in part.to_json()]
        print(json.dumps({"v": 1, "machine": machine, "measurements": measurements}))
    else:
        rows = {
            part.title: [
                (m.name, "" if m.unit == RATIO else m.unit, m.median, m.low, m.high) for m in part.measurements
            ]
            for part in parts
        }
        print_measurements(rows, f"median, least and greatest of {repeat} round{'s' * (repeat > 1)}; {machine}")
