"""What may reach plotext, whose kernel ends the process for numbers that it does not expect.

A place that is not finite aborts it, and it makes a point of every dot of a line, however far outside: thousands of
millions of them where one value is large. So it is given parts of a range, cut at its ends, in place of values.
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

import numpy as np

from tui_vae.view.series import FloatArray

_FAR = 1e9
_LEAST = 1e-12
"""The least length of a range, as a part of its larger end; closer values are one to plotext."""

_FIRST_OF_OTHER_SCRIPTS = "\u2e80"
"""From here on Python and plotext do not agree on which characters are two cells wide."""

Range = tuple[float, float]


class Path(NamedTuple):
    """Points, and the indices of those that a line leads to from the point before."""

    x: list[float]
    y: list[float]
    connected: list[int]


def sound_range(span: Range) -> Range:
    """The range, or one about it that is finite and not empty."""
    low, high = (float(np.clip(np.nan_to_num(end), -1e307, 1e307)) for end in span)
    least = max(_LEAST * max(abs(low), abs(high)), 1e-300)
    return (low, high) if high - low >= least else (low - least, low + least)


def fractions(values: FloatArray, span: Range) -> FloatArray:
    """Where values lie in a sound range, from 0 to 1; NaN where they are not finite."""
    low, high = span
    with np.errstate(all="ignore"):
        parts: FloatArray = np.clip((values - low) / (high - low), -_FAR, _FAR)
    return np.where(np.isfinite(values), parts, np.nan)


def points(x: FloatArray, y: FloatArray) -> Path:
    """Single points, those that are inside."""
    inside = (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
    return Path(x[inside].tolist(), y[inside].tolist(), [])


def path(x: FloatArray, y: FloatArray) -> Path:
    """A line through points, as far as it is inside, interrupted where one is not finite.

    Each part of it is cut where it leaves (Liang & Barsky, 1984), so that what is seen has the right slope.
    """
    finite = np.isfinite(x) & np.isfinite(y)
    pairs = finite[:-1] & finite[1:]
    begin = np.flatnonzero(pairs)
    x0, y0 = x[begin], y[begin]
    dx, dy = x[begin + 1] - x0, y[begin + 1] - y0
    start, end = np.zeros(len(begin)), np.ones(len(begin))
    for origin, length in ((x0, dx), (y0, dy)):
        start, end = _cut(origin, length, start, end)
    kept = start <= end
    whole = kept & (start == 0)
    # Where a part begins at the end of the one before, the point between them is given once.
    joined = np.zeros(len(begin), dtype=np.bool_)
    joined[1:] = whole[1:] & (kept & (end == 1))[:-1] & (np.diff(begin) == 1)
    ends = np.stack((start, end), axis=1)
    across, up = x0[:, None] + ends * dx[:, None], y0[:, None] + ends * dy[:, None]
    chosen = np.stack((kept & ~joined, kept), axis=1).reshape(-1)
    connected = np.flatnonzero(np.tile([False, True], len(begin))[chosen]).tolist()
    alone = finite.copy()
    alone[1:] &= ~pairs
    alone[:-1] &= ~pairs
    lone = points(x[alone], y[alone])
    return Path(across.reshape(-1)[chosen].tolist() + lone.x, up.reshape(-1)[chosen].tolist() + lone.y, connected)


def _cut(origin: FloatArray, length: FloatArray, start: FloatArray, end: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where lines enter and leave in one direction, as parts of their length."""
    flat = length == 0
    with np.errstate(all="ignore"):
        first, last = -origin / length, (1 - origin) / length
    outside = flat & ((origin < 0) | (origin > 1))
    enter = np.where(flat, start, np.minimum(first, last))
    leave = np.where(flat, np.where(outside, -1.0, end), np.maximum(first, last))
    return np.maximum(start, enter), np.minimum(end, leave)


def plain_text(text: str, most: int) -> str:
    """At most so many characters of a text, each as wide as one cell; what is not is a question mark, as is nothing."""
    return "".join(c if _is_one_cell(c) else "?" for c in text[: max(0, most)]) or "?"


def _is_one_cell(character: str) -> bool:
    return (
        character < _FIRST_OF_OTHER_SCRIPTS
        and character.isprintable()
        and not unicodedata.combining(character)
        and unicodedata.category(character) not in ("Mn", "Me", "Cf")
        and unicodedata.east_asian_width(character) not in "WF"
    )
