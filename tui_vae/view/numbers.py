"""Formats numbers, the same way everywhere, and draws them as sparklines."""

from __future__ import annotations

import math
from collections.abc import Sequence

UNKNOWN = "–"


def count(value: float | None) -> str:
    """Format an integer: ``549,696``."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:,.0f}"


def nats(value: float | None, digits: int = 1) -> str:
    """Format nats per image: ``415.0``, ``nan``, ``inf``."""
    if value is None:
        return UNKNOWN
    return f"{value:.{digits}f}" if math.isfinite(value) else str(value)


def out_of(done: int, planned: int | None) -> str:
    """Format how many of the planned ones are done: ``7/20``, ``7/–``."""
    return f"{done}/{UNKNOWN if planned is None else planned}"


def duration(seconds: float | None) -> str:
    """Format seconds: ``00:41``, from an hour on ``1:02:03``, from a day on ``2d 03h``."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours:02d}h"
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def age(seconds: float | None) -> str:
    """Format an age in seconds: ``41 s``, ``5 min``, ``3 h``, ``12 d``."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    past = max(0.0, seconds)
    for unit, length, most in (("s", 1, 60), ("min", 60, 60), ("h", 3600, 48)):
        if past < most * length:
            return f"{past // length:.0f} {unit}"
    return f"{past // 86_400:,.0f} d"


def short_count(value: float | None) -> str:
    """Format in at most five characters: ``212k``, ``1.09M``."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if abs(value) < 999.5:
        return f"{value:.0f}"
    rounded = float(f"{value:.3g}")
    size, unit = next(((s, u) for s, u in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if abs(rounded) >= s), (1.0, ""))
    scaled = rounded / size
    return f"{scaled:.{max(0, 2 - int(math.log10(abs(scaled))))}f}{unit}"


def size(number: int) -> str:
    """Format bytes: ``12.3 MB``; at most eight characters below a petabyte."""
    value, units = float(number), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.95 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


_EIGHTHS = " ▁▂▃▄▅▆▇█"
_ASCII = " .:-=+*#@"


def sparks(values: Sequence[float], high: float, width: int | None = None, *, ascii_only: bool = False) -> str:
    """Draw a bar for each value, from 0 to ``high``, one line high; at most ``width`` values, picked evenly.

    A positive value has at least an eighth of a cell; one that is not finite has no bar.
    """
    ramp = _ASCII if ascii_only else _EIGHTHS
    count = len(values) if width is None else min(len(values), max(0, width))
    return "".join(_bar(values[index * len(values) // count], high, ramp) for index in range(count))


def _bar(value: float, high: float, ramp: str) -> str:
    if not math.isfinite(value) or value <= 0 or not high > 0:
        return ramp[0]
    return ramp[min(8, max(1, round(8 * min(1.0, value / high))))]
