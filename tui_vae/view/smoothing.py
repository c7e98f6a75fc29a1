"""Smoothing: an exponential moving average that is exact from its first value on."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

_Values = npt.NDArray[np.float64]

_BLOCK = 64
"""Values that are summed by one product of matrices."""


def smoothed(values: _Values, window: int) -> _Values:
    """Exponential moving average with the mean age of a ``window``-point box, started without bias.

    Bias is corrected as in Adam (arXiv:1412.6980, section 3). A value that is not finite stays where it is and is left
    out of the average.
    """
    if window <= 1 or not len(values):
        return values
    decay = 1 - 2 / (window + 1)
    finite = np.isfinite(values)
    shares = (1 - decay) * values[finite]  # no sum of these is greater than the greatest value
    weights = -np.expm1(np.log(decay) * np.arange(1, len(shares) + 1))
    result = values.copy()
    result[finite] = _decayed_sums(shares, decay) / weights
    return result


def _decayed_sums(values: _Values, decay: float) -> _Values:
    """For each value the sum of all until it, each times ``decay`` to the power of how far back it lies.

    Within blocks by one product; what all blocks before hand on is a sum of the same kind.
    """
    count = len(values)
    blocks = np.zeros((-(-count // _BLOCK), _BLOCK))
    blocks.reshape(-1)[:count] = values
    sums = blocks @ _weights(decay)
    if len(blocks) > 1:
        handed_on = _decayed_sums(sums[:-1, -1], decay**_BLOCK)
        sums[1:] += np.outer(handed_on, decay ** np.arange(1, _BLOCK + 1))
    return sums.reshape(-1)[:count]


@lru_cache(maxsize=32)
def _weights(decay: float) -> _Values:
    """What each value of a block, a row, weighs in each of its sums, a column."""
    age = np.arange(_BLOCK) - np.arange(_BLOCK)[:, None]
    return np.where(age >= 0, decay ** np.maximum(age, 0), 0.0)
