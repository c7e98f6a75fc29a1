"""``tui-vae bench``: measure, then a table or JSON."""

from __future__ import annotations

import json
import os
import platform
import sys

from tui_vae.bench import measure_all, measure_growth
from tui_vae.headless.tables import print_measurements


def run_bench(*, repeat: int, epochs: int, growth: bool, as_json: bool) -> None:
    """Measure everything, or how cost grows, and print it; what is being measured is told on stderr."""
    if growth:
        measurements = measure_growth(repeat=repeat, report=_report)
    else:
        measurements = measure_all(repeat=repeat, epochs=epochs, report=_report)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if as_json:
        print(json.dumps({"v": 1, "machine": machine, "measurements": [m.to_json() for m in measurements]}))
    else:
        rows = [(m.name, m.unit, f"{m.median:,.4g}", f"{m.low:,.4g}", f"{m.high:,.4g}") for m in measurements]
        print_measurements(rows, f"median, least and greatest of {repeat}; {machine}")


def _report(text: str) -> None:
    sys.stderr.write(f"measuring: {text}\n")
