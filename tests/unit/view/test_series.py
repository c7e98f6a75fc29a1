"""The history: a value that never changes, bounded in size, true to its means and spikes."""

from __future__ import annotations

import math
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.events import Progress
from tui_vae.view import series as series_module
from tui_vae.view.series import MOST_POINTS, Point, Series, point_of, smoothed

sizes = st.floats(-1e6, 1e6)


@st.composite
def histories(draw: st.DrawFn) -> list[Point]:
    """Points of any number of steps each, one after the other."""
    points: list[Point] = []
    step = 0
    for _ in range(draw(st.integers(0, 70))):
        steps = draw(st.integers(1, 50))
        step += steps
        loss = draw(sizes)
        low, high = loss - draw(st.floats(0, 1e3)), loss + draw(st.floats(0, 1e3))
        points.append(Point(step, step / 7, steps, loss, low, high, draw(sizes), draw(sizes), draw(sizes)))
    return points


def grown(points: list[Point]) -> Series:
    series = Series()
    for point in points:
        series = series.append(point)
    return series


def rows(series: Series) -> list[Point]:
    return [Point(*row) for row in zip(*(series.column(name).tolist() for name in Point._fields), strict=True)]


@given(histories())
def test_a_history_that_fits_is_kept_as_it_is(points: list[Point]) -> None:
    series = grown(points)
    assert len(series) == len(points)
    assert rows(series) == points
    assert series.last() == (points[-1] if points else None)


@given(histories(), st.integers(2, 9))
def test_a_bounded_history_agrees_with_the_whole_one(points: list[Point], most: int) -> None:
    with patch.object(series_module, "MOST_POINTS", most):
        series = grown(points)
    assert len(series) <= most
    assert series.column("steps").sum() == sum(point.steps for point in points)
    if not points:
        return
    assert series.column("loss_min").min() == min(point.loss_min for point in points)
    assert series.column("loss_max").max() == max(point.loss_max for point in points)
    assert series.column("step")[-1] == points[-1].step
    assert series.column("t")[-1] == points[-1].t
    before = 0.0
    for kept in rows(series):
        covered = [point for point in points if before < point.step <= kept.step]
        weights = [point.steps for point in covered]
        assert kept.steps == sum(weights) == kept.step - before
        assert kept.loss_min == min(point.loss_min for point in covered)
        assert kept.loss_max == max(point.loss_max for point in covered)
        for name in ("loss", "reconstruction", "kl", "images_per_second"):
            mean = np.average([getattr(point, name) for point in covered], weights=weights)
            assert getattr(kept, name) == pytest.approx(mean, rel=1e-9, abs=1e-6)
        before = kept.step


@given(st.data(), st.sampled_from([4, 7, MOST_POINTS]))
def test_appending_to_any_old_history_changes_no_other(data: st.DataObject, most: int) -> None:
    with patch.object(series_module, "MOST_POINTS", most):
        made = [(Series(), rows(Series()))]
        for number in range(data.draw(st.integers(1, 40))):
            old, _ = made[data.draw(st.integers(0, len(made) - 1))]
            new = old.append(Point(*[float(number + 1)] * len(Point._fields)))
            made.append((new, rows(new)))
            assert new.last() == Point(*[float(number + 1)] * len(Point._fields))
        for series, as_made in made:
            assert rows(series) == as_made


@given(histories(), st.integers(0, 4000), st.sampled_from([3, 8, MOST_POINTS]))
def test_a_history_until_a_step_is_one_that_never_went_beyond(points: list[Point], step: int, most: int) -> None:
    with patch.object(series_module, "MOST_POINTS", most):
        series = grown(points)
        as_made = rows(series)
        until = series.until(step)
        assert rows(until) == [point for point in as_made if point.step <= step]
        assert until.last() == (rows(until)[-1] if len(until) else None)
        more = Point(*[float(step + 1)] * len(Point._fields))
        gone_on = until.append(more)
        assert gone_on.column("step")[-1] == step + 1
        assert gone_on.column("steps").sum() == until.column("steps").sum() + more.steps
        assert rows(series) == as_made


def test_two_branches_of_one_history_each_have_their_own_end(monkeypatch: pytest.MonkeyPatch) -> None:
    trunk = grown([Point(*[float(i)] * 9) for i in range(1, 64)])
    one, other = trunk.append(Point(*[100.0] * 9)), trunk.append(Point(*[200.0] * 9))
    assert one.column("loss").tolist() == [*map(float, range(1, 64)), 100.0]
    assert other.column("loss").tolist() == [*map(float, range(1, 64)), 200.0]
    assert trunk.column("loss").tolist() == [*map(float, range(1, 64))]


def test_a_column_cannot_be_written_to() -> None:
    column = grown([Point(*[1.0] * 9)]).column("loss")
    with pytest.raises(ValueError, match="read-only"):
        column[0] = 2.0


def test_a_long_history_is_resolved_evenly_enough_for_any_chart() -> None:
    """A terminal has some hundred columns: no point may stand for more than one of them."""
    series = Series()
    for step in range(1, 10 * MOST_POINTS + 1):
        series = series.append(Point(step, step, 1, 0, 0, 0, 0, 0, 0))
    assert len(series) <= MOST_POINTS
    assert series.column("steps").max() <= 10 * MOST_POINTS / 500


def test_a_value_that_is_not_finite_hides_no_spike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_module, "MOST_POINTS", 2)
    plain = Point(1, 1, 1, 5.0, 4.0, 6.0, 0, 0, 0)
    nothing = Point(2, 2, 1, math.nan, math.nan, math.nan, 0, 0, 0)
    series = grown([plain, nothing, plain._replace(step=3)])
    assert np.nanmin(series.column("loss_min")) == 4.0
    assert np.nanmax(series.column("loss_max")) == 6.0


@given(st.lists(st.floats(-1e6, 1e6) | st.none(), min_size=2, max_size=60))
def test_what_is_not_known_of_some_points_is_the_mean_of_the_others(values: list[float | None]) -> None:
    rows = [
        Point(step, step, 1, 1.0, 1.0, 1.0, math.nan if value is None else value, math.nan, 5.0)
        for step, value in enumerate(values, start=1)
    ]
    with patch.object(series_module, "MOST_POINTS", 4):
        series = grown(rows)
    merged, known = series.column("reconstruction"), [value for value in values if value is not None]
    assert np.isnan(merged).all() == (not known)
    for value in merged[~np.isnan(merged)]:
        assert min(known) - 1e-3 <= value <= max(known) + 1e-3
    assert np.isnan(series.column("kl")).all()
    assert (series.column("images_per_second") == 5.0).all()


def test_a_point_stands_for_the_steps_since_the_last_event(progress: Callable[..., Progress]) -> None:
    assert point_of(progress(30, loss=3.0), previous_step=20) == Point(
        step=30,
        t=3.0,
        steps=10,
        loss=3.0,
        loss_min=0.5,
        loss_max=1.5,
        reconstruction=-0.75,
        kl=0.25,
        images_per_second=1000.0,
    )
    assert point_of(progress(30), previous_step=30).steps == 1


def test_a_smoothed_column_is_kept_until_another_is_asked_for() -> None:
    series = grown([Point(step, step, 1, *[float(step % 7)] * 6) for step in range(1, 200)])
    first = series.smoothed("loss", 10)
    assert first.tolist() == smoothed(series.column("loss"), 10).tolist()
    assert series.smoothed("loss", 10) is first
    assert series.smoothed("kl", 10) is not first
    assert series.smoothed("loss", 25).tolist() == smoothed(series.column("loss"), 25).tolist()
    longer = series.append(Point(200, 200, 1, *[90.0] * 6))
    assert len(longer.smoothed("loss", 25)) == 200
    assert len(series.smoothed("loss", 25)) == 199
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0.0


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
