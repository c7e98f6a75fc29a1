"""Ticks and ranges of axes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tui_vae.view.axis import Symlog, nice_ticks, tick_label, y_range_after_transient

values = st.floats(-1e12, 1e12)


@given(values, values, st.integers(1, 20))
def test_ticks_are_few_round_and_inside(low: float, high: float, most: int) -> None:
    assume(high - low > 1e-9 * max(1.0, abs(low), abs(high)))
    ticks = nice_ticks(low, high, most)
    assert len(ticks) <= most
    slack = 1e-9 * (high - low)
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    steps = np.diff(ticks)
    if len(steps):
        assert steps == pytest.approx(steps[0])
        mantissa = steps[0] / 10.0 ** math.floor(math.log10(steps[0]) + 1e-9)
        assert any(mantissa == pytest.approx(round_one) for round_one in (1, 2, 5))


@pytest.mark.parametrize(
    ("low", "high", "most"), [(0, 0, 5), (1, 0, 5), (0, 1, 0), (math.nan, 1, 5), (0, math.inf, 5), (-math.inf, 0, 5)]
)
def test_a_range_without_extent_has_no_ticks(low: float, high: float, most: int) -> None:
    assert nice_ticks(low, high, most) == []


def test_ticks_of_a_plain_range() -> None:
    assert nice_ticks(0, 10, 6) == [0, 2, 4, 6, 8, 10]
    assert nice_ticks(-420, -280, 4) == [-400, -350, -300]


@pytest.mark.parametrize(
    ("value", "label"), [(0, "0"), (-0.0, "0"), (-350, "-350"), (0.05, "0.05"), (12_000, "12k"), (-12_500, "-12.5k")]
)
def test_tick_labels_are_short(value: float, label: str) -> None:
    assert tick_label(value) == label


@given(st.lists(values, min_size=1, max_size=30))
def test_the_signed_logarithm_keeps_order_and_sign(numbers: list[float]) -> None:
    ordered = np.array(sorted(numbers))
    scaled = Symlog().forward(ordered)
    assert (np.diff(scaled) >= 0).all()
    assert (np.sign(scaled) == np.sign(ordered)).all() or (np.abs(ordered[np.sign(scaled) == 0]) < 1e-9).all()


@given(values, values, st.integers(1, 12))
def test_ticks_of_the_signed_logarithm_are_few_and_inside(low: float, high: float, most: int) -> None:
    assume(high - low > 1e-6 * max(1.0, abs(low), abs(high)))
    ticks = Symlog().ticks(low, high, most)
    assert len(ticks) <= most
    slack = 1e-9 * (high - low)
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    assert ticks == sorted(ticks)


def test_the_first_tenth_of_a_loss_does_not_set_the_range() -> None:
    x = np.arange(1.0, 101.0)
    y = np.where(x < 10, 5000.0, -300.0 - x)
    low, high = y_range_after_transient([(x, y)], extra=[-420.0]) or (0, 0)
    assert low < -420.0
    assert -310.0 <= high < 0


@given(st.lists(values, max_size=20), st.lists(values | st.just(math.nan), max_size=3))
def test_a_range_has_extent_and_holds_what_is_settled(ys: list[float], extra: list[float]) -> None:
    x, y = np.arange(float(len(ys))), np.array(ys)
    found = y_range_after_transient([(x, y)], extra)
    if not ys and all(math.isnan(value) for value in extra):
        assert found is None
        return
    assert found is not None
    low, high = found
    assert low < high
    inside = [*y[x >= 0.1 * (len(ys) - 1)].tolist(), *(value for value in extra if not math.isnan(value))]
    assert all(low <= value <= high for value in inside)


def test_nothing_finite_has_no_range() -> None:
    assert y_range_after_transient([], []) is None
    assert y_range_after_transient([(np.arange(2.0), np.array([math.nan, math.inf]))], [math.inf]) is None


def test_when_only_the_first_tenth_is_finite_it_sets_the_range() -> None:
    x, y = np.arange(30.0), np.full(30, math.nan)
    y[0] = 7.0
    low, high = y_range_after_transient([(x, y)], []) or (0, 0)
    assert low < 7.0 < high


@pytest.mark.parametrize(
    ("low", "high", "ticks"), [(27.2, 31.8, [28, 29, 30, 31]), (28.6, 30.4, [29, 30]), (0.2, 0.8, [])]
)
def test_ticks_of_whole_numbers_are_whole(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high, 9, whole=True) == ticks


def test_nothing_is_left_out_of_the_range_where_there_is_no_transient() -> None:
    x = np.arange(100.0)
    y = np.where(x < 5, 1000.0, 1.0)
    assert (y_range_after_transient([(x, y)], [], 0.0) or (0, 0))[1] > 1000
    assert (y_range_after_transient([(x, y)], []) or (0, 0))[1] < 2
