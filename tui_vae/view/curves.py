"""From a history to the points of a chart: smoothing, and at most two points a column without losing a spike."""

from __future__ import annotations

import numpy as np

from tui_vae.view.series import FloatArray


def smoothed(values: FloatArray, window: int) -> FloatArray:
    """Exponential moving average with the mean age of a ``window``-point box, started without bias.

    Bias is corrected as in Adam (arXiv:1412.6980, section 3). A value that is not finite stays where it is and is left
    out of the average.
    """
    if window <= 1 or not len(values):
        return values
    decay = 1 - 2 / (window + 1)
    result = np.empty_like(values)
    average = weight = 0.0
    for index, value in enumerate(values.tolist()):
        if not np.isfinite(value):
            result[index] = value
            continue
        average = decay * average + (1 - decay) * value
        weight = decay * weight + (1 - decay)
        result[index] = average / weight
    return result


def downsampled(
    x: FloatArray, y: FloatArray, columns: int, low: FloatArray | None = None, high: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """At most two points for each of ``columns`` equal parts of the range of x: the least and the greatest value.

    Args:
        x: Ascending, finite.
        y: Values; what is not finite is left out.
        columns: Number of parts, at least 1.
        low: Least values that each point stands for; ``y`` by default.
        high: Greatest values that each point stands for; ``y`` by default.

    Returns:
        x and y, in ascending order of x. Short histories without bounds come back whole.
    """
    low, high = y if low is None else low, y if high is None else high
    keep = np.isfinite(low) & np.isfinite(high)
    x, low, high = x[keep], low[keep], high[keep]
    if len(x) <= 2 * columns and np.array_equal(low, high):
        return x, low
    if not len(x):
        return x, low
    span = x[-1] - x[0]
    part = np.minimum(((x - x[0]) / span * columns).astype(int), columns - 1) if span > 0 else np.zeros(len(x), int)
    starts = np.flatnonzero(np.r_[True, part[1:] != part[:-1]])
    ends = np.r_[starts[1:], len(x)]
    xs, ys = [], []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        least, greatest = start + int(np.argmin(low[start:end])), start + int(np.argmax(high[start:end]))
        points = [(least, low[least]), (greatest, high[greatest])]
        if low[least] == high[greatest]:
            points.pop()
        for index, value in sorted(points):
            xs.append(x[index])
            ys.append(value)
    return np.array(xs), np.array(ys)
