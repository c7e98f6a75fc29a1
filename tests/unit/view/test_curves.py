"""Down-sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.view.curves import downsampled, value_at, within

any_value = st.floats(-1e9, 1e9) | st.sampled_from([math.nan, math.inf, -math.inf])


@st.composite
def curves(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Ascending x, y, and bounds around it."""
    x = sorted(draw(st.lists(st.floats(0, 1e7), max_size=80)))
    y = np.array(draw(st.lists(any_value, min_size=len(x), max_size=len(x))), dtype=float)
    spread = np.array(draw(st.lists(st.floats(0, 1e5), min_size=len(x), max_size=len(x))), dtype=float)
    return np.array(x, dtype=float), y, y - spread, y + spread


def column_of(x: np.ndarray, first: float, last: float, columns: int) -> list[int]:
    if last == first:
        return [0] * len(x)
    return [min(int((value - first) / (last - first) * columns), columns - 1) for value in x.tolist()]


@given(curves(), st.integers(1, 30), st.booleans())
def test_a_spike_is_never_lost_and_a_column_never_crowded(curve, columns: int, bounds: bool) -> None:
    x, y, low, high = curve
    if not bounds:
        low = high = y
    xs, ys = downsampled(x, y, columns, *((low, high) if bounds else ()))
    assert len(xs) == len(ys)
    assert (np.diff(xs) >= 0).all()
    usable = np.isfinite(low) & np.isfinite(high)
    shown = np.isfinite(ys)
    assert shown.any() == usable.any()
    if usable.any():
        assert ys[shown].min() == low[usable].min()
        assert ys[shown].max() == high[usable].max()
    points = {*zip(x.tolist(), low.tolist(), strict=True), *zip(x.tolist(), high.tolist(), strict=True)}
    assert set(zip(xs[shown].tolist(), ys[shown].tolist(), strict=True)) <= points
    if len(x) > 2 * columns:
        in_columns = column_of(xs[shown], x[0], x[-1], columns)
        assert max((in_columns.count(column) for column in in_columns), default=0) <= 2
        gaps = column_of(xs[~shown], x[0], x[-1], columns)
        assert len(gaps) == len(set(gaps))


@given(curves(), st.integers(1, 30))
def test_every_column_with_a_value_that_is_not_finite_has_a_gap(curve, columns: int) -> None:
    x, y, _, _ = curve
    xs, ys = downsampled(x, y, columns)
    if not len(x):
        assert len(xs) == 0
        return
    assert set(column_of(xs[np.isnan(ys)], x[0], x[-1], columns)) == set(
        column_of(x[~np.isfinite(y)], x[0], x[-1], columns)
    )


def test_a_gap_stands_between_its_neighbours() -> None:
    x, y = np.arange(6.0), np.array([3.0, math.nan, 2.0, math.inf, 1.0, 1.0])
    assert downsampled(x, y, 10)[1].tolist() == pytest.approx([3, math.nan, 2, math.nan, 1, 1], nan_ok=True)
    long = np.where(np.arange(1000) == 500, math.nan, np.arange(1000.0))
    xs, ys = downsampled(np.arange(1000.0), long, 10)
    (at,) = np.flatnonzero(np.isnan(ys))
    assert xs[at] == 500
    assert xs[at - 1] < 500 < xs[at + 1]


def test_a_mean_that_is_not_finite_is_a_gap_and_hides_no_extreme() -> None:
    y = np.array([1.0, math.nan, 1.0])
    xs, ys = downsampled(np.arange(3.0), y, 10, np.array([1.0, -7.0, 1.0]), np.array([1.0, 9.0, 1.0]))
    assert np.nanmin(ys) == -7
    assert np.nanmax(ys) == 9
    assert xs[np.isnan(ys)].tolist() == [1.0]


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


@given(curves(), st.integers(1, 30))
def test_every_column_keeps_its_own_least_and_greatest_value(curve, columns: int) -> None:
    x, y, low, high = curve
    xs, ys = downsampled(x, y, columns, low, high)
    usable = np.isfinite(y)
    if not usable.any():
        return
    part, part_of_result = (np.array(column_of(v, x[0], x[-1], columns)) for v in (x, xs))
    for column in set(part[usable].tolist()):
        assert np.nanmin(ys[part_of_result == column]) == low[usable & (part == column)].min()
        assert np.nanmax(ys[part_of_result == column]) == high[usable & (part == column)].max()


def test_a_short_history_comes_back_whole() -> None:
    x, y = np.arange(20.0), np.arange(20.0)[::-1].copy()
    xs, ys = downsampled(x, y, 10)
    assert xs.tolist() == x.tolist()
    assert ys.tolist() == y.tolist()


def test_one_spike_in_a_hundred_thousand_points_is_there() -> None:
    y = np.zeros(100_000)
    y[12_345], y[54_321] = 9.0, -9.0
    xs, ys = downsampled(np.arange(100_000.0), y, 100)
    assert (12_345.0, 9.0) in zip(xs.tolist(), ys.tolist(), strict=True)
    assert (54_321.0, -9.0) in zip(xs.tolist(), ys.tolist(), strict=True)
    assert len(xs) <= 200
