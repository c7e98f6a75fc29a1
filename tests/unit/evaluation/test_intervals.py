"""Intervals: against SciPy and printed tables, and how often they contain what they should."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy

from tui_vae.evaluation.intervals import (
    ENOUGH_FOR_T,
    Interval,
    independent_difference,
    mean_interval,
    slope_interval,
    t_interval,
    welch_interval,
)


def coverage(interval_of: Callable[[np.random.Generator], Interval | None], truth: float, times: int) -> float:
    """The share of ``times`` samples whose interval contains the truth."""
    hits = 0
    for k in range(times):
        interval = interval_of(np.random.default_rng([11, k]))
        assert interval is not None
        hits += interval[0] <= truth <= interval[1]
    return hits / times


def wilson(successes: int, n: int) -> Interval:
    """SciPy's interval of a share, which is lopsided near 0 and 1."""
    found = scipy.stats.binomtest(successes, n).proportion_ci(method="wilson")
    return found.low, found.high


def binomial_error(times: int, share: float = 0.95) -> float:
    """Four standard errors of a share that is 95 % in truth."""
    return 4 * math.sqrt(share * (1 - share) / times)


@pytest.mark.parametrize(("n", "quantile"), [(2, 12.706), (3, 4.303), (5, 2.776), (10, 2.262), (31, 2.042)])
def test_t_interval_has_the_quantiles_of_the_printed_table(n: int, quantile: float) -> None:
    values = np.arange(n, dtype=float)
    interval = t_interval(values)
    assert interval is not None
    half = (interval[1] - interval[0]) / 2
    assert half / (values.std(ddof=1) / math.sqrt(n)) == pytest.approx(quantile, abs=5e-4)
    assert sum(interval) / 2 == pytest.approx(values.mean())


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_equal_counts_are_not_certain(share: float) -> None:
    """Counts of 11, or 12 in a share of all cases: their mean is in the interval, and in none of width 0."""

    def interval_of(random: np.random.Generator, spacing: float = 1.0) -> Interval | None:
        return t_interval(11 + random.binomial(1, share, 5), spacing=spacing)

    assert coverage(interval_of, 11 + share, 400) >= 0.95 - binomial_error(400)
    assert coverage(lambda random: interval_of(random, 0.0), 11 + share, 400) < 0.9
    low, high = welch_interval([4.0, 4.0], [4.0, 4.0, 4.0], spacing=1.0) or (0, 0)
    assert low < 0 < high
    assert low == -high


@pytest.mark.parametrize("n", [2, 3, 20])
def test_t_interval_is_that_of_scipy(n: int) -> None:
    values = np.random.default_rng(n).normal(3, 2, n)
    expected = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert t_interval(values, 0.9) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("values", [[], [1.0]])
def test_one_value_tells_nothing_of_its_spread(values: list[float]) -> None:
    assert t_interval(values) is None
    assert mean_interval(np.array(values)) is None
    assert welch_interval(values, [1.0, 2.0]) is None


def test_values_without_spread_have_an_interval_of_no_width() -> None:
    assert t_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)
    assert welch_interval([2.0, 2.0], [1.0, 1.0]) == (1.0, 1.0)
    assert mean_interval(np.full(50, 2.0)) == (2.0, 2.0)


def test_welch_interval_is_that_of_scipy() -> None:
    random = np.random.default_rng(3)
    first, second = random.normal(1, 1, 4), random.normal(0, 5, 7)
    expected = scipy.stats.ttest_ind(first, second, equal_var=False).confidence_interval()
    assert welch_interval(first, second) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_t_interval_of_a_few_seeds_contains_the_mean_in_95_of_100_cases(n: int) -> None:
    times = 4000
    found = coverage(lambda random: t_interval(random.normal(7, 3, n)), 7, times)
    assert found == pytest.approx(0.95, abs=binomial_error(times))


def test_interval_of_very_many_skewed_values_contains_the_mean_in_95_of_100_cases() -> None:
    times = 2000
    found = coverage(lambda random: mean_interval(random.exponential(size=ENOUGH_FOR_T)), 1, times)
    # Missing by skewness / sqrt(n) of a standard error, 2 / 32, costs less than half a percent.
    assert found == pytest.approx(0.95, abs=0.005 + binomial_error(times))


def test_bootstrap_of_skewed_values_contains_the_mean_more_evenly_than_t() -> None:
    """The mean of 40 lognormal values lies above the t interval far more often than below; BCa corrects for that."""
    times, truth = 150, math.exp(0.5)
    misses = {"t": [0, 0], "bootstrap": [0, 0]}
    for k in range(times):
        values = np.random.default_rng([13, k]).lognormal(size=40)
        for name, interval in (("t", t_interval(values)), ("bootstrap", mean_interval(values))):
            assert interval is not None
            misses[name][0] += truth < interval[0]
            misses[name][1] += truth > interval[1]
    assert misses["bootstrap"][1] < misses["t"][1]
    assert misses["bootstrap"][0] >= misses["t"][0]
    # Under-coverage of the bootstrap at this skewness is known to be some percent: 0.90 to 0.95.
    assert 1 - sum(misses["bootstrap"]) / times == pytest.approx(0.925, abs=0.025 + binomial_error(times, 0.925))


def test_bootstrap_depends_on_its_own_seed_only() -> None:
    values = np.random.default_rng(1).exponential(size=100)
    before = np.random.get_state(legacy=False)["state"]["key"].copy()
    assert mean_interval(values, seed=5) == mean_interval(values, seed=5)
    assert mean_interval(values, seed=5) != mean_interval(values, seed=6)
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], before)


def test_symmetric_intervals_add_their_variances() -> None:
    assert independent_difference(5, (2, 8), 1, (-3, 5)) == pytest.approx((4 - 5, 4 + 5))


def test_lopsided_intervals_each_give_the_end_that_matters() -> None:
    low, high = independent_difference(0.9, (0.5, 0.95), 0.2, (0.17, 0.5))
    assert low == pytest.approx(0.7 - math.hypot(0.4, 0.3))
    assert high == pytest.approx(0.7 + math.hypot(0.05, 0.03))


def test_an_estimate_outside_of_its_interval_is_taken_as_at_its_end() -> None:
    assert independent_difference(5, (6, 8), 1, (0, 4)) == pytest.approx((4 - 3, 4 + math.hypot(3, 1)))


def test_difference_of_independent_estimates_is_covered_in_95_of_100_cases() -> None:
    times, n = 700, 400

    def interval(random: np.random.Generator) -> Interval:
        first, second = random.binomial(n, 0.9), random.binomial(n, 0.7)
        return independent_difference(first / n, wilson(first, n), second / n, wilson(second, n))

    # Counts are whole: the share lies up to half a percent from its nominal value at this size.
    assert coverage(interval, 0.2, times) == pytest.approx(0.95, abs=0.005 + binomial_error(times))


def test_slope_is_that_of_scipy() -> None:
    random = np.random.default_rng(4)
    x = np.array([4.0, 5.0, 6.5, 7.0])
    y = 2 * x + random.normal(size=4)
    expected = scipy.stats.linregress(x, y)
    slope, interval = slope_interval(x, y)
    half = scipy.stats.t.ppf(0.975, 2) * expected.stderr
    assert slope == pytest.approx(expected.slope)
    assert interval == pytest.approx((expected.slope - half, expected.slope + half))


def test_two_points_give_a_slope_without_an_interval() -> None:
    slope, interval = slope_interval(np.array([1.0, 2.0]), np.array([3.0, 7.0]))
    assert slope == pytest.approx(4)
    assert interval is None
