"""Small bars one line high, in eighths of a cell."""

from __future__ import annotations

import math
from collections.abc import Sequence

_EIGHTHS = " ▁▂▃▄▅▆▇█"


def sparks(values: Sequence[float], high: float, width: int) -> str:
    """A bar for each value, ``high`` being a full one; of more values than ``width`` as many, picked evenly.

    What is above 0 is seen: it has an eighth at least. What is not finite is no bar.
    """
    count = min(len(values), max(0, width))
    return "".join(_bar(values[index * len(values) // count], high) for index in range(count))


def _bar(value: float, high: float) -> str:
    if not math.isfinite(value) or value <= 0 or not high > 0:
        return _EIGHTHS[0]
    return _EIGHTHS[min(8, max(1, round(8 * min(1.0, value / high))))]
