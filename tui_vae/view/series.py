"""The history of a model's progress, bounded in size without losing a spike, and its moving averages.

A series is immutable: appending returns a new one. Both share their storage, as slices of one array would, so that
the cost of appending does not depend on the length.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tui_vae.events import Progress

FloatArray = npt.NDArray[np.float64]

_BLOCK = 64
"""Values that one matrix product sums."""


def smoothed(values: FloatArray, window: int) -> FloatArray:
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


def _decayed_sums(values: FloatArray, decay: float) -> FloatArray:
    """Return for each value the sum of it and all before, weighted by ``decay`` to the power of their distance.

    Within blocks by one matrix product; the carry between blocks is a sum of the same kind.
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
def _weights(decay: float) -> FloatArray:
    """Return the weight of each value of a block (row) in each of its sums (column)."""
    age = np.arange(_BLOCK) - np.arange(_BLOCK)[:, None]
    return np.where(age >= 0, decay ** np.maximum(age, 0), 0.0)


MOST_POINTS = 4096
"""Most points; a full series is halved by merging neighbours, as a terminal has some hundred columns."""


class Point(NamedTuple):
    """One row of a series: means over the last ``steps`` steps until ``step``, at time ``t``.

    ``reconstruction``, ``kl`` and ``images_per_second`` are NaN where they are not known.
    """

    step: float
    t: float
    steps: float
    loss: float
    loss_min: float
    loss_max: float
    reconstruction: float
    kl: float
    images_per_second: float


_COLUMN = {name: index for index, name in enumerate(Point._fields)}

Choice = Callable[[float, float], float]


class _Arithmetic(NamedTuple):
    """How to merge two numbers, or two columns of numbers."""

    least: Choice
    greatest: Choice
    known: Choice
    """The first where the second is NaN, else the second."""


class _Storage:
    """Rows shared by the series of one history; the first ``used`` rows never change again."""

    def __init__(self, rows: FloatArray, used: int) -> None:
        self.rows = rows
        self.used = used


class Series:
    """An immutable sequence of points.

    After it has been full once, each point covers about the same number of steps: the newest grows until it does.
    """

    __slots__ = ("_length", "_newest", "_smoothed", "_span", "_storage")

    def __init__(self) -> None:
        self._storage = _Storage(np.empty((64, len(Point._fields))), 0)
        self._length = 0
        self._newest: Point | None = None
        self._span = 0.0
        self._smoothed: dict[str, tuple[int, FloatArray]] = {}

    def __len__(self) -> int:
        return self._length + (self._newest is not None)

    def column(self, name: str) -> FloatArray:
        """Return the values of one field of :class:`Point`, read-only."""
        index = _COLUMN[name]
        values = self._storage.rows[: self._length, index]
        if self._newest is not None:
            values = np.append(values, self._newest[index])
        values.flags.writeable = False
        return values

    def smoothed(self, name: str, window: int) -> FloatArray:
        """Return a column smoothed over ``window`` points, see :func:`smoothed`; the last result is cached."""
        kept = self._smoothed.get(name)
        if kept is None or kept[0] != window:
            kept = self._smoothed[name] = window, smoothed(self.column(name), window)
            kept[1].flags.writeable = False
        return kept[1]

    def last(self) -> Point | None:
        return self._newest

    def until(self, step: float) -> Series:
        """Return this series without the points that include a step after ``step``."""
        later = np.flatnonzero(self.column("step") > step)
        if not len(later):
            return self
        length = int(later[0]) - 1
        if length < 0:
            return Series()
        return self._of(self._storage, length, Point(*self._storage.rows[length].tolist()), self._span)

    def append(self, point: Point) -> Series:
        """Return this series with one more point."""
        newest = self._newest
        if newest is None:
            return self._of(self._storage, self._length, point, self._span)
        if newest.steps + point.steps <= self._span:
            return self._of(self._storage, self._length, _merged(newest, point, _OF_NUMBERS), self._span)
        if self._length + 1 >= MOST_POINTS:
            return self._halved(newest).append(point)
        storage = self._storage
        if storage.used != self._length or self._length == len(storage.rows):
            # Another series has grown from this one, or there is no room: continue in a copy.
            rows = np.empty((max(64, 2 * self._length), len(Point._fields)))
            rows[: self._length] = storage.rows[: self._length]
            storage = _Storage(rows, self._length)
        storage.rows[self._length] = newest
        storage.used += 1
        return self._of(storage, self._length + 1, point, self._span)

    def _halved(self, newest: Point) -> Series:
        """Merge neighbours, including the newest point."""
        everything = np.vstack((self._storage.rows[: self._length], np.array(newest)))
        even = len(everything) - len(everything) % 2
        pairs = everything[:even].reshape(-1, 2, len(Point._fields))
        merged = merge(pairs[:, 0], pairs[:, 1])
        rows = np.empty((MOST_POINTS, len(Point._fields)))
        length = len(merged) + len(everything) - even
        rows[:length] = np.vstack((merged, everything[even:]))
        return self._of(_Storage(rows, length), length, None, float(np.median(merged[:, _COLUMN["steps"]])))

    @staticmethod
    def _of(storage: _Storage, length: int, newest: Point | None, span: float) -> Series:
        series = Series.__new__(Series)
        series._storage, series._length, series._newest, series._span = storage, length, newest, span
        series._smoothed = {}
        return series


def merge(first: FloatArray, second: FloatArray) -> FloatArray:
    """Merge each row ``(n, fields)`` of ``first`` with the row of ``second`` that follows it."""
    return np.stack(_merged(Point(*first.T), Point(*second.T), _OF_COLUMNS), axis=1)


def _merged(first: Point, second: Point, of: _Arithmetic) -> Point:
    """Merge two successive points, or two columns of points at once.

    A loss that is not finite makes the mean so, and hides no extreme. What is not known of one point is that of the
    other.
    """
    steps = first.steps + second.steps
    weight = second.steps / steps

    def mean(one: float, other: float) -> float:
        return one + weight * (other - one)

    def mean_of_known(one: float, other: float) -> float:
        return mean(of.known(other, one), of.known(one, other))

    return Point(
        step=second.step,
        t=second.t,
        steps=steps,
        loss=mean(first.loss, second.loss),
        loss_min=of.least(first.loss_min, second.loss_min),
        loss_max=of.greatest(first.loss_max, second.loss_max),
        reconstruction=mean_of_known(first.reconstruction, second.reconstruction),
        kl=mean_of_known(first.kl, second.kl),
        images_per_second=mean_of_known(first.images_per_second, second.images_per_second),
    )


def _fmin(one: float, other: float) -> float:
    """``numpy.fmin`` of two numbers, many times as fast."""
    return other if other < one or math.isnan(one) else one


def _fmax(one: float, other: float) -> float:
    return other if other > one or math.isnan(one) else one


def _known(one: float, other: float) -> float:
    return one if math.isnan(other) else other


def _known_of_columns(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.where(np.isnan(other), one, other)


_OF_NUMBERS = _Arithmetic(_fmin, _fmax, _known)
_OF_COLUMNS = _Arithmetic(np.fmin, np.fmax, _known_of_columns)  # type: ignore[arg-type]


def point_of(event: Progress, previous_step: int) -> Point:
    return Point(
        step=event.step,
        t=event.t,
        steps=max(1, event.step - previous_step),
        loss=event.loss,
        loss_min=event.loss_min,
        loss_max=event.loss_max,
        reconstruction=_or_nan(event.reconstruction),
        kl=_or_nan(event.kl),
        images_per_second=_or_nan(event.images_per_second),
    )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
