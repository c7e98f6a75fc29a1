"""``tui-vae bench``: measure, then a table or JSON."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
import tempfile

from tui_vae.bench import RATIO, Measurement, measure_all, measure_growth
from tui_vae.errors import RunStoreError
from tui_vae.headless.tables import print_measurements
from tui_vae.resource_limits import cores


def run_bench(*, repeat: int, epochs: int, growth: bool, as_json: bool) -> None:
    """Measure everything, or how cost grows, and print it; progress goes to stderr."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise RunStoreError("bench trains in a temporary folder, and none is writable: set TMPDIR to one") from error
    if growth:
        parts = measure_growth(repeat=repeat, report=_report)
    else:
        parts = measure_all(repeat=repeat, epochs=epochs, report=_report)
    torch = importlib.metadata.version("torch")
    machine = f"{platform.machine()}, {cores()} cores, Python {platform.python_version()}, torch {torch}"
    if as_json:
        measurements = [measurement for part in parts for measurement in part.to_json()]
        print(json.dumps({"v": 1, "machine": machine, "measurements": measurements}))
    else:
        rows = {part.title: list(map(_row, part.measurements)) for part in parts}
        print_measurements(rows, f"median, least and greatest of {repeat} round{'s' * (repeat > 1)}; {machine}")


def _row(of: Measurement) -> tuple[str, str, str, str]:
    unit = "" if of.unit == RATIO else f" {of.unit}"
    return of.name, f"{_figure(of.median)}{unit}", _figure(of.low), _figure(of.high)


def _figure(value: float) -> str:
    """To three digits, from a thousand on to four; never as a power of ten."""
    return f"{float(f'{value:.4g}'):,.0f}" if value >= 999.5 else f"{value:#.3g}".rstrip(".")


def _report(text: str) -> None:
    sys.stderr.write(f"measuring: {text}\n")
