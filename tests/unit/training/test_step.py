"""The learning rate: warm-up, then half a cosine down to 0; or constant."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.training.step import learning_rate

steps_and_peak = st.tuples(st.integers(1, 3000), st.floats(1e-6, 10))


@given(steps_and_peak)
def test_constant_is_constant(case: tuple[int, float]) -> None:
    steps, peak = case
    assert {learning_rate("constant", peak, step, steps) for step in range(steps)} == {peak}


@given(steps_and_peak)
def test_cosine_rises_to_the_peak_once_and_falls_from_there(case: tuple[int, float]) -> None:
    steps, peak = case
    rates = [round(learning_rate("cosine", peak, step, steps) / peak, 12) for step in range(steps)]
    top = rates.index(max(rates))
    assert max(rates) == 1
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert min(rates) > 0
    assert top <= math.ceil(0.1 * steps)


def test_the_shape_over_a_thousand_steps() -> None:
    rate = [learning_rate("cosine", 2e-3, step, 1000) for step in range(1000)]
    assert rate[:3] == pytest.approx([2e-5, 4e-5, 6e-5])
    assert rate[49] == pytest.approx(1e-3)
    assert rate[99] == rate[100] == 2e-3
    assert rate[550] == pytest.approx(1e-3)
    assert rate[325] == pytest.approx(1e-3 * (1 + math.sqrt(0.5)))
    assert rate[999] < 1e-8


def test_after_the_last_step_it_is_zero() -> None:
    assert learning_rate("cosine", 1.0, 1000, 1000) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_very_short_runs_have_a_rate_above_zero(steps: int) -> None:
    assert all(learning_rate("cosine", 1.0, step, steps) > 0 for step in range(steps))
