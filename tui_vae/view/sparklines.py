"""Small bars one line high, in eighths of a cell or in shades of ASCII."""

from __future__ import annotations

import math
from collections.abc import Sequence

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_ASCII = " .:-=+*#@"


def sparks(values: Sequence[float], high: float, width: int | None = None, *, ascii_only: bool = False) -> str:
    """Draw a bar for each value, from 0 to ``high``; of more values than ``width``, as many, picked evenly.

    A value above 0 has an eighth at least; one that is not finite has no bar.
    """
    ramp = _ASCII if ascii_only else _EIGHTHS
    count = len(values) if width is None else min(len(values), max(0, width))
    return "".join(_bar(values[index * len(values) // count], high, ramp) for index in range(count))


def _bar(value: float, high: float, ramp: str) -> str:
    if not math.isfinite(value) or value <= 0 or not high > 0:
        return ramp[0]
    return ramp[min(8, max(1, round(8 * min(1.0, value / high))))]
