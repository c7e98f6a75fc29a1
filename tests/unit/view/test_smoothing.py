"""Smoothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.view.smoothing import smoothed

finite = st.floats(-1e9, 1e9)
any_value = finite | st.sampled_from([math.nan, math.inf, -math.inf])


@given(finite, st.integers(1, 50), st.integers(0, 1000))
def test_a_constant_stays_constant(value: float, length: int, window: int) -> None:
    assert smoothed(np.full(length, value), window) == pytest.approx(np.full(length, value), rel=1e-9)


@given(st.lists(any_value, max_size=40), st.integers(2, 100))
def test_smoothing_is_the_weighted_mean_of_what_is_finite_so_far(values: list[float], window: int) -> None:
    given_values = np.array(values)
    result = smoothed(given_values, window)
    assert np.array_equal(given_values, np.array(values), equal_nan=True)
    assert len(result) == len(values)
    decay = 1 - 2 / (window + 1)
    seen: list[float] = []
    for value, smooth in zip(values, result.tolist(), strict=True):
        if not math.isfinite(value):
            assert np.array_equal(value, smooth, equal_nan=True)
            continue
        seen.append(value)
        weights = [decay ** (len(seen) - 1 - i) for i in range(len(seen))]
        assert smooth == pytest.approx(np.average(seen, weights=weights), rel=1e-6, abs=1e-3)


@pytest.mark.parametrize("window", [-1, 0, 1])
def test_no_smoothing_is_no_change(window: int) -> None:
    values = np.array([1.0, math.nan, -3.0])
    assert np.array_equal(smoothed(values, window), values, equal_nan=True)


def test_the_first_value_is_its_own_mean_whatever_the_window() -> None:
    assert smoothed(np.array([700.0, 0.0]), 100)[0] == pytest.approx(700.0)


@pytest.mark.parametrize("window", [2, 10, 100])
@pytest.mark.parametrize("length", [63, 64, 65, 4096, 4097, 10_000])
def test_the_average_of_many_values_is_that_of_one_after_the_other(length: int, window: int) -> None:
    values = np.random.default_rng(length).normal(300, 50, length)
    decay, total, weight, one_by_one = 1 - 2 / (window + 1), 0.0, 0.0, []
    for value in values.tolist():
        total, weight = decay * total + value, decay * weight + 1
        one_by_one.append(total / weight)
    assert smoothed(values, window) == pytest.approx(one_by_one, rel=1e-12)


def test_an_average_of_very_great_numbers_is_finite() -> None:
    values = np.full(300, 1e308)
    assert smoothed(values, 100) == pytest.approx(values, rel=1e-9)
