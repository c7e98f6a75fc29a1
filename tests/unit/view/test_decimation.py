"""Down-sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.view.decimation import extremes, means, value_at, within
from tui_vae.view.series import FloatArray

any_value = st.floats(-1e9, 1e9) | st.sampled_from([math.nan, math.inf, -math.inf])


@st.composite
def curves(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Ascending x, y, and bounds around it."""
    x = sorted(draw(st.lists(st.floats(0, 1e7), max_size=80)))
    y = np.array(draw(st.lists(any_value, min_size=len(x), max_size=len(x))), dtype=float)
    spread = np.array(draw(st.lists(st.floats(0, 1e5), min_size=len(x), max_size=len(x))), dtype=float)
    return np.array(x, dtype=float), y, y - spread, y + spread


def column_of(x: np.ndarray, window: tuple[float, float], columns: int) -> np.ndarray:
    first, last = window
    if last == first:
        return np.zeros(len(x), dtype=int)
    return np.array([min(int((value - first) / (last - first) * columns), columns - 1) for value in x.tolist()], int)


def window_of(x: np.ndarray) -> tuple[float, float]:
    return (x[0], x[-1]) if len(x) else (0.0, 1.0)


@given(curves(), st.integers(1, 30))
def test_every_column_keeps_its_own_least_and_greatest_value(curve: tuple[FloatArray, ...], columns: int) -> None:
    x, _, low, high = curve
    window = window_of(x)
    middles, least, greatest = extremes(x, low, high, window, columns)
    part = column_of(x, window, columns)
    finite = np.isfinite(low)
    assert len(middles) == len(least) == len(greatest) == len(set(part.tolist()))
    for column, one, other in zip(sorted(set(part.tolist())), least.tolist(), greatest.tolist(), strict=True):
        inside = finite & (part == column)
        if inside.any():
            assert (one, other) == (low[inside].min(), high[inside].max())
        else:
            assert math.isnan(one)
            assert math.isnan(other)
    if window[1] > window[0] + 1e-3:
        assert column_of(middles, window, columns).tolist() == sorted(set(part.tolist()))


@given(curves(), st.integers(1, 30))
def test_a_column_has_the_mean_of_what_is_finite_and_a_gap_for_the_rest(
    curve: tuple[FloatArray, ...], columns: int
) -> None:
    x, y, _, _ = curve
    window = window_of(x)
    places, values = means(x, y, window, columns)
    part, finite = column_of(x, window, columns), np.isfinite(y)
    assert (np.diff(places) >= 0).all()
    gaps = column_of(places[np.isnan(values)], window, columns).tolist()
    assert gaps == sorted(set(part[~finite].tolist()))
    expected = [y[finite & (part == column)].mean() for column in sorted(set(part[finite].tolist()))]
    assert values[~np.isnan(values)].tolist() == pytest.approx(expected, rel=1e-6, abs=1e-3)


def test_a_gap_stands_between_its_neighbours() -> None:
    long = np.where(np.arange(1000) == 500, math.nan, np.arange(1000.0))
    places, values = means(np.arange(1000.0), long, (0, 999), 10)
    (at,) = np.flatnonzero(np.isnan(values))
    assert places[at] == 500
    assert places[at - 1] < 500 < places[at + 1]


def test_what_lies_outside_a_window_counts_to_its_edges() -> None:
    x, y = np.array([0.0, 11.0, 12.0, 19.0, 30.0]), np.array([5.0, 1.0, 2.0, 3.0, 9.0])
    middles, least, greatest = extremes(x, y, y, (10, 20), 2)
    assert (middles.tolist(), least.tolist(), greatest.tolist()) == ([12.5, 17.5], [1, 3], [5, 9])


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30), st.floats(0, 100), st.floats(0, 100))
def test_a_window_holds_its_points_and_one_on_each_side(places: list[float], one: float, other: float) -> None:
    x = np.array(sorted(places))
    low, high = min(one, other), max(one, other)
    chosen = x[within(x, (low, high))]
    inside = x[(x >= low) & (x <= high)]
    assert set(inside.tolist()) <= set(chosen.tolist())
    assert ((chosen < low).sum(), (chosen > high).sum()) == (bool((x < low).any()), bool((x > high).any()))
    assert x[within(x, None)].tolist() == x.tolist()


def test_the_value_at_a_place_is_the_newest_until_then() -> None:
    x, y = np.array([1.0, 2.0, 2.0, 5.0]), np.array([10.0, 20.0, 21.0, 50.0])
    assert value_at(x, y, 0.9) is None
    assert value_at(x, y, 1.0) == (1.0, 10.0)
    assert value_at(x, y, 4.9) == (2.0, 21.0)
    assert value_at(x, y, 99.0) == (5.0, 50.0)
    assert value_at(x[:0], y[:0], 1.0) is None


def test_one_spike_in_a_hundred_thousand_points_is_there() -> None:
    y = np.zeros(100_000)
    y[12_345], y[54_321] = 9.0, -9.0
    middles, least, greatest = extremes(np.arange(100_000.0), y, y, (0, 99_999), 100)
    assert (middles[greatest.argmax()], greatest.max()) == (pytest.approx(12_345, abs=1000), 9)
    assert (middles[least.argmin()], least.min()) == (pytest.approx(54_321, abs=1000), -9)
    assert len(middles) == 100
